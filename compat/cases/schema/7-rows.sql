-- Few rows, each there for a case.

insert into api.museums values (1, 'Rijks', 'Amsterdam'), (2, 'Prado', 'Madrid'), (3, 'Louvre', 'Paris'), (4, 'Closed', null);
insert into api.rooms values (1, 1, 'Gallery of Honour'), (1, 2, 'Cabinet'), (2, 1, 'Velázquez'), (3, 7, 'Denon');
insert into api.artists values
    (1, 'Rembrandt', 1606, 'NL', null, '{"school": "Leiden", "rank": 1, "pupils": [{"name": "Dou"}, {"name": "Flinck"}]}'),
    (2, 'Vermeer', 1632, 'NL', 'the Sphinx', '{"school": "Delft", "rank": 2, "pupils": []}'),
    (3, 'Velázquez', 1599, 'ES', null, '{"school": "Sevilla", "rank": 3, "living": false}'),
    (4, 'Goya', 1746, 'ES', 'Don Paco', '{"rank": 10}'),
    (5, 'Anonymous', null, null, null, '{}');
insert into api.works values
    (1, 'The Night Watch', 1, 1, 1, 1642, 925000.00, 'painting', true, row(437, 363, 'cm'), '{militia,night}'),
    (2, 'The Jewish Bride', 1, 1, 1, 1667, 150000.50, 'painting', true, row(166, 121, 'cm'), '{couple}'),
    (3, 'Three Trees', 1, 1, 2, 1643, 1200.00, 'print', false, null, '{trees,"wide, open"}'),
    (4, 'The Milkmaid', 2, 1, 1, 1658, 300000.00, 'painting', true, row(41, 45.5, 'cm'), '{kitchen,light}'),
    (5, 'Las Meninas', 3, 2, 1, 1656, 999999.99, 'painting', true, row(276, 318, 'cm'), '{court}'),
    (6, 'Saturn', 4, 2, 1, 1823, null, 'painting', null, row(81, 143, 'cm'), '{dark}'),
    (7, 'Capricho 43', 4, null, null, 1799, 80.00, 'print', false, null, '{dark,owls}'),
    (8, 'Winged Victory', 5, 3, 7, null, null, 'sculpture', true, row(null, 244, 'cm'), '{}'),
    (9, 'Untitled', null, null, null, null, 0.00, 'sculpture', false, null, '{}');
insert into api.insurances values (1, 'Lloyd', 1000000), (5, 'Mapfre', 2000000), (7, 'Lloyd', 100);
insert into api.exhibitions values (1, 'Light', '2024-01-01', '2024-06-30'), (2, 'Night', '2024-05-01', null), (3, 'Empty', null, null);
insert into api.hangings values (1, 4, 1), (1, 2, 2), (2, 1, 1), (2, 6, 2), (2, 7, 3);
insert into api.employees values (1, 'Ada', null, 9000), (2, 'Ben', 1, 5000), (3, 'Cleo', 1, 5500), (4, 'Dan', 2, 3000), (5, 'Eva', 2, null);
insert into api.tours values (1, 'Highlights', 2, 3, 1), (2, 'Children', 3, null, 1), (3, 'Late', 4, 2, 2), (4, 'Cancelled', null, null, null);
insert into api.influences values (1, 4), (3, 4), (2, 1);
insert into api.visits values (1, '2023-03-01', 1, 120), (2, '2023-12-24', 2, 300), (3, '2024-03-01', 1, 180), (4, '2024-03-02', 3, 900);
insert into private.donors values (1, 'Six', 1), (2, 'Alba', 2), (3, 'Nobody', null);
insert into api."Gift Shop" values (1, 2.5, 'cpe:/MS:windows', 2), (2, 199.99, 'cpe:/linux', 1), (3, 250, null, 3);
insert into api."موارد" values (1, 'یک'), (2, 'دو');
insert into api.numbers select n, case when n % 2 = 0 then 'even' else 'odd' end from generate_series(1, 25) n;
insert into api.codes values ('a', 'alpha'), ('b,c', 'comma'), ('d"e', 'quote'), ('f\g', 'backslash'), ('(h)', 'parentheses'), ('i.j', 'dot'), ('null', null), (' k ', 'blanks'), ('ÆØ', 'æther'), ('l%m', 'percent'), ('n*o', 'star');

insert into api.types values
    (1, 32767, 9007199254740993, 12345678901234567890.123456789, 1.5, 0.1, 12.34, true, 'ab', 'short', E'quote " backslash \\ tab\t', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', b'1010',
     '\xdeadbeef', '{"b": 1,  "a": null}', '{"b": 1,  "a": null}', '<a>1</a>', '2024-02-29', '12:34:56', '2024-02-29 12:34:56.789', '2024-02-29 12:34:56.789+00', '1 year 2 days 03:04:05',
     '192.168.0.1/24', '{1,2,null}', '{"a b",NULL,"c,d"}', '{{1,2},{3,4}}', '{painting,print}', row(1, 2, 'm'), array[row(1, 2, 'm')::api.extent], 'sculpture'),
    (2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null),
    (3, -1, -1, 'NaN', 'Infinity', '-Infinity', -0.5, false, '', '', '', '00000000-0000-0000-0000-000000000000', b'0000', '', '[]', '"text"', '', 'infinity', '24:00:00', '-infinity', '0001-01-01 00:00:00+00 BC', '-1 day', '::1', '{}', '{}', '{}', '{}', row(null, null, null), '{}', 'print');
insert into api.bookings values
    (1, '[2024-01-01,2024-01-10)', '[1,5)', '[0.5,1.5]', '{[1,3),[7,9)}'),
    (2, '[2024-01-10,2024-02-01)', '[5,10)', '[1.5,3)', '{[2,4)}'),
    (3, '(,2023-01-01)', '[20,)', 'empty', '{}'),
    (4, null, null, null, null);
insert into api.articles values
    (1, 'On light', 'The quick brown fox jumps over the lazy dog', '{"text": "A painting of light"}', to_tsvector('english', 'The quick brown fox jumps over the lazy dog')),
    (2, 'Sur la lumière', 'C''était un tableau amusant de chats', '{"text": "Des chats impossibles"}', to_tsvector('french', 'C''était un tableau amusant de chats')),
    (3, 'Fat cats', 'Fat cats and rats sit on the wall', '{"text": "The fat rat"}', to_tsvector('english', 'Fat cats and rats sit on the wall')),
    (4, 'Rats', 'It is impossible to sit on a fat cat', null, to_tsvector('english', 'It is impossible to sit on a fat cat'));
insert into api.leaflets select id, vector, vector from api.articles;
insert into api.documents values
    (1, '{"a": {"b": {"c": 1}}, "list": [10, 20, {"x": "y"}], "name": "first", "with space": 1, "n": 5, "is": true}', '{"k": "v1", "n": 1}'),
    (2, '{"a": {"b": {"c": 2}}, "list": [], "name": "second", "n": 10, "is": false}', '{"k": "v2", "n": 2}'),
    (3, '{"a": null, "name": null, "n": 7.5}', '{"n": 3}'),
    (4, '[1, 2, 3]', '[]'),
    (5, null, null);
insert into api.moments values (1, '2023-10-18 12:37:59.611+00'), (2, '2023-10-18 14:37:59.611+00');
insert into api.arrays values (1, '{1,2,3}', '{red,green}'), (2, '{3,4}', '{"light blue",green}'), (3, '{}', '{}'), (4, null, null);
insert into api.paints values (1, 'ochre', 13408546, null), (2, 'black', 0, 16777215), (3, 'none', null, null);

insert into api.things (id, name, quantity, price, note) values (1, 'lamp', 5, 12.50, null), (2, 'chair', 0, 45.00, 'oak'), (3, 'cup', 100, 2.20, null), (4, 'spoon', null, 1.00, 'silver'), (5, 'frame', 10, null, 'gilt');
insert into api.parts values (1, 1, 'bulb', 2), (2, 1, 'shade', 3), (3, 2, 'leg', 4), (4, null, 'spare', 1);
insert into api.gadgets values ('acme', 'x1', 3, null), ('acme', 'x2', 0, 'old'), ('zeta', 'x1', 7, null);
insert into api.logs values ('first', 1), ('second', 2);
insert into api.stamped (label, kind, tags, data, extent) overriding system value values ('one', 'painting', '{a,b}', '{"k": 1}', row(1, 2, 'm')), ('two', 'print', default, null, null);
insert into api.swatches values (255, 'blue');
insert into api.letters values (1, 'abc', b'1100', '\x01');
insert into api.diaries values (1, 'ann', 'went out'), (2, 'bob', 'stayed in'), (3, 'ann', 'came back');
insert into api.vault values (1, 'gold');
insert into api.guestbook values (1, 'nice', 'not seen'), (2, 'cold', 'neither');
insert into shop.products values (1, 'postcard', 2), (2, 'mug', 9);
insert into shop.works values (1, 'Night Watch poster');
refresh materialized view api.kinds;
