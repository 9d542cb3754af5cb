"""A small English, written for genlab: data without a file, in which each sentence's probability is known."""

import functools

from genlab.data.grammar import Grammar

RULES = """
S: 10 SAID . | 2 ASKED ? | 2 WONDERED ? | 1 ORDERED .
SAID: 12 CLAUSE | 2 FRONTED | 1 CLAUSE , and CLAUSE | 1 CLAUSE , but CLAUSE | 1 CLAUSE because CLAUSE | 1 BELIEVED
CLAUSE: 4 HABIT | 4 EVENT | 2 PLAN | 2 ABILITY | 3 STATE
HABIT: 4 SHE EATS USUALLY | 3 THEY EAT USUALLY | SHE does not EAT USUALLY | THEY do not EAT USUALLY | SHE OFTEN EATS
EVENT: 3 SHE ATE LATELY | 3 THEY ATE LATELY | 1 SHE did not EAT LATELY | 1 THEY did not EAT LATELY
PLAN: 3 SHE will EAT LATER | 3 THEY will EAT LATER | 1 SHE will not EAT LATER | 1 SHE wants to EAT LATER
    | 1 THEY want to EAT
ABILITY: 2 SHE MAY EAT | 2 THEY MAY EAT | 2 SHE MAY not EAT | 1 THEY MAY not EAT
STATE: 3 SHE IS QUALITY | 2 WE ARE QUALITY | 1 i AM QUALITY | 2 THING IS LOOK | 1 it IS WEATHER TODAY
FRONTED: 2 BEFORE , SHE ATE | 2 BEFORE , THEY ATE | 1 AFTER , SHE will EAT | 1 AFTER , THEY will EAT
BELIEVED: 2 i think that CLAUSE | 2 SHE said that CLAUSE | 1 they know that CLAUSE | 1 i hope that PLAN
ASKED: 2 does SHE EAT USUALLY | 3 do YOU EAT USUALLY | 2 did SHE EAT LATELY | 2 did YOU EAT LATELY
    | 1 IS SHE QUALITY | 1 are YOU QUALITY | 1 IS THING LOOK
    | 1 can YOU EAT | 1 may i EAT | 1 will SHE EAT LATER | 1 would you like to EAT
WONDERED: 2 where IS THING | 2 where does SHE STAY | 1 where did YOU STAY | 2 who ATE LATELY | 1 who will EAT LATER
    | 1 why did SHE EAT | 1 why do YOU EAT | 1 why IS SHE FEELING | 1 when will SHE EAT | 1 when did YOU EAT
    | 1 how much is PRICED
ORDERED: 1 please EAT | 1 do not EAT | 2 EAT , please | 1 let us EAT

SHE: 4 he | 4 she | 2 NAME | 2 MY KIN | 3 the WORKER | 1 the ADULT
THEY: 4 i | 9 WE
WE: 3 we | 3 they | 2 you | 1 NAME and FRIEND | 1 the children | 1 my parents | 0.5 our neighbors
YOU: 6 you | 2 they | 1 the children | 1 your parents
NAME: tom | mary | john | anna
FRIEND: jane | bill | peter | lucy
MY: 4 my | 2 his | 2 her | 1 our | 1 their
KIN: 3 mother | 3 father | 3 brother | 3 sister | 2 uncle | 2 aunt | 1 grandmother | 2 friend | 1 cousin
WORKER: 3 teacher | 3 doctor | 2 student | 1 nurse | 1 farmer | 1 singer | 1 driver | 1 waiter | 1 policeman
ADULT: 2 man | 2 woman | 1 boy | 1 girl | 1 stranger | 1 old man | 1 young woman

EAT/EATS/ATE: 4 USE/USES/USED | 3 GO/GOES/WENT | 3 WORK/WORKS/WORKED PLACE | 2 MEET/MEETS/MET | 1 GIVE/GIVES/GAVE
USE/USES/USED: 3 DINE/DINES/DINED | 3 LEARN/LEARNS/LEARNED | 3 BUY/BUYS/BOUGHT | 2 PLAY/PLAYS/PLAYED
DINE/DINES/DINED: 3 eat/eats/ate FOOD | 2 cook/cooks/cooked FOOD | 3 drink/drinks/drank DRINK
    | 1 order/orders/ordered DRINK
LEARN/LEARNS/LEARNED: 2 understand/understands/understood TEXT | 1 find/finds/found TEXT | 2 write/writes/wrote LETTER
    | 2 study/studies/studied SUBJECT | 1 learn/learns/learned SUBJECT
BUY/BUYS/BOUGHT: 3 buy/buys/bought GOODS | 2 need/needs/needed GOODS | 1 like/likes/liked GOODS
    | 1 sell/sells/sold GOODS | 1 lose/loses/lost GOODS
PLAY/PLAYS/PLAYED: 3 play/plays/played GAME | 1 practice/practices/practiced GAME
    | 2 watch/watches/watched SHOW | 1 enjoy/enjoys/enjoyed SHOW
GO/GOES/WENT: 4 go/goes/went TO | 2 walk/walks/walked TO | 2 drive/drives/drove TO | 1 run/runs/ran TO
    | 1 come/comes/came from TOWN
WORK/WORKS/WORKED: 3 work/works/worked HARD | 2 sleep/sleeps/slept | 2 wait/waits/waited | 1 sing/sings/sang
    | 1 dance/dances/danced | 1 rest/rests/rested
MEET/MEETS/MET: 3 meet/meets/met WHOM | 2 help/helps/helped WHOM | 2 call/calls/called WHOM
    | 1 visit/visits/visited WHOM | 1 know/knows/knew WHOM
GIVE/GIVES/GAVE: 3 give/gives/gave HIM GOODS | 2 show/shows/showed HIM TEXT | 1 tell/tells/told HIM TALE
    | 1 bring/brings/brought HIM DRINK
STAY: 2 go | 2 live | 1 work | 1 sleep | 1 play | 1 study

FOOD: 3 bread | 2 rice | 2 fish | 2 meat | 2 an apple | an egg | soup | some cheese | a cake | lunch | dinner
DRINK: 3 tea | 3 coffee | 2 milk | 2 water | 1 wine | 1 beer | 1 a cup of tea | 1 a glass of juice
TEXT: 3 the book | 2 a newspaper | 1 the letter | 1 a story | 1 a long novel | 1 the map | 1 the sign
LETTER: 3 a letter | 1 a poem | 1 a story | 1 a report
SUBJECT: 3 english | 2 french | 1 history | 1 music | 1 mathematics | 1 a new language
GOODS: 3 a car | 2 a hat | 2 a coat | 2 a bicycle | 1 a watch | 2 a COLOR dress | 1 a COLOR umbrella | 1 some flowers
    | 1 a ticket
COLOR: 3 red | 2 blue | 2 white | 1 green | 1 yellow | 1 black
GAME: 3 tennis | 2 football | 2 the piano | 1 the guitar | 1 chess | 1 cards
SHOW: 3 television | 2 a film | 1 the game | 1 a play | 1 the sunset | 1 the birds
TALE: 2 the truth | 2 a story | 1 a lie | 1 a joke | 1 the answer
WHOM: 3 him | 3 her | 2 me | 2 them | 1 us | 2 MY KIN | 2 the WORKER
HIM: 3 him | 3 her | 2 me | 1 them | 1 us | 1 MY KIN
THING: 2 the house | 2 the room | 1 the BELONGING | 1 this BELONGING | 1 your BELONGING
BELONGING: car | hat | coat | dog | cat | bag | key | garden | watch
PRICED: this hat | that coat | the ticket | the COLOR dress | a cup of coffee | the room

TO: 2 to school | 2 home | 2 to the SITE | 1 to TOWN | 1 to work
SITE: 3 station | 2 park | 2 library | 1 airport | 1 office | 1 beach | 1 market | 1 church | 1 river
TOWN: 2 tokyo | 1 london | 1 paris | 1 new york | 1 the city | 1 the country
PLACE: 3 ~ | 2 at home | 2 in the SITE | 1 in TOWN | 1 at the station | 1 in the kitchen | 1 there | 1 with MY KIN
HARD: 2 ~ | 2 hard | 1 too much | 1 alone | 1 very slowly
USUALLY: 5 ~ | 2 every day | 1 every morning | 1 on sundays | 1 at night | 1 in the evening
OFTEN: 2 often | 2 always | 1 never | 1 sometimes | 1 usually
LATELY: 4 ~ | 3 BEFORE
BEFORE: 3 yesterday | 2 last night | 2 last week | 1 this morning | 1 two days ago | 1 last summer
LATER: 4 ~ | 3 AFTER
AFTER: 3 tomorrow | 2 tonight | 2 next week | 1 soon | 1 next year | 1 this afternoon
TODAY: 3 ~ | 1 today | 1 again | 1 in TOWN
MAY: 4 can | 2 must | 2 should | 1 may

IS: 3 is | 2 was
ARE: 3 are | 2 were
AM: 3 am | 2 was
QUALITY: 3 FEELING | 2 VERY TRAIT | 1 not FEELING | 1 in the SITE | 1 at home
FEELING: 2 tired | 2 happy | 2 sad | 1 angry | 1 hungry | 1 ill | 1 busy | 1 afraid | 1 late
TRAIT: 2 kind | 2 tall | 2 young | 1 old | 1 rich | 1 clever | 1 famous | 1 strong
VERY: 3 ~ | 2 very | 1 so
LOOK: 2 VERY SIZE | 2 COLOR | 1 not SIZE | 1 in the kitchen | 1 near the SITE
SIZE: 2 big | 2 small | 2 beautiful | 1 new | 1 cheap | 1 expensive | 1 clean | 1 dirty
WEATHER: 2 cold | 2 hot | 2 raining | 1 snowing | 1 dark | 1 windy
"""
"""Rules of the language; see `Grammar`."""


@functools.cache
def english() -> Grammar:
    """Return the grammar. Each sentence has one derivation, so `entropy` is the entropy of the sentences."""
    return Grammar(RULES)
