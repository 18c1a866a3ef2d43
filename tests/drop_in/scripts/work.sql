create table item (id integer primary key, name text, price real);
create table sale (item integer references item, day integer, amount integer);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
    insert into item select i, printf('item %05d %s', i, hex(zeroblob(i % 50))), i * 1.25 from n;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
    insert into sale select i * 7919 % 5000 + 1, i % 365, i % 13 from n;
create index sale_item on sale (item, day);
select day, count(*), sum(amount * price) from sale join item on item.id = sale.item group by day order by day limit 20;
select group_concat(name, ';') from (select name from item order by length(name), name limit 200);
update item set name = name || name where id % 3 = 0;
delete from sale where amount = 5;
vacuum;
pragma integrity_check;
select count(*), sum(length(name)) from item;
