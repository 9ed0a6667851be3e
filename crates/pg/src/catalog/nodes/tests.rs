use super::*;

fn mentions(tree: &str) -> Mentions {
    let mut mentions = Mentions::default();
    read(tree, &mut mentions).unwrap_or_else(|_| panic!("refused: {tree}"));
    mentions
}

const CLAIMS: &str = "{CONST :consttype 25 :constlen -1 :constbyval false :constisnull false :location 48 \
    :constvalue 7 [ 28 0 0 0 97 46 -61 ]}";

#[test]
fn relations_functions_and_operators_are_found_wherever_they_stand() {
    let tree = "({QUERY :cteList <> :rtable ({RANGETBLENTRY :alias <> :relid 16384 :relkind r :tablesample <>} \
        {RANGETBLENTRY :functions ({FUNCEXPR :funcid 70 :args <>})}) :quals {NEWNODE :deep (({OPEXPR :opno 96 \
        :opfuncid 65})) :aggs {AGGREF :aggfnoid 2803} :win {WINDOWFUNC :winfnoid 3100}} :rows {ROWCOMPAREEXPR \
        :opnos (o 97 98)} :d {COERCETODOMAIN :resulttype 20000}})";
    let found = mentions(tree);
    assert_eq!(Vec::from_iter(found.relations), [16384]);
    assert_eq!(Vec::from_iter(found.functions), [65, 70, 2803, 3100]);
    assert_eq!(Vec::from_iter(found.operators), [96, 97, 98]);
    assert_eq!(Vec::from_iter(found.domains), [20000]);
}

#[test]
fn values_that_look_like_fields_are_values() {
    let found = mentions(
        "({TARGETENTRY :resname :funcid :resno 1} {ALIAS :aliasname \\<> :colnames (\"x\\ :funcid\" \":relid\")} \
         {TARGETENTRY :resname [ :resno 1})",
    );
    assert_eq!(found, Mentions::default());
}

#[test]
fn a_setting_is_told_by_its_first_argument_only_where_that_is_a_constant() {
    let call = |arguments: &str| {
        mentions(&format!("{{FUNCEXPR :funcid 3294 :args ({arguments}) :location 3}}")).settings
    };
    let named = "{CONST :consttype 25 :constisnull false :constvalue 7 [ 28 0 0 0 97 46 66 ]}";
    assert_eq!(call(named), Settings::Only(BTreeSet::from(["a.b".to_owned()])));
    assert_eq!(call(&format!("{named} {named}")), Settings::Only(BTreeSet::from(["a.b".to_owned()])));
    assert_eq!(call(&format!("{{VAR :varno 1}} {named}")), Settings::Any);
    assert_eq!(call(&format!("{{FUNCEXPR :funcid 1 :args ({named})}}")), Settings::Any);
    // Not a text in UTF-8, a null, and a length that is not the value's.
    assert_eq!(call(CLAIMS), Settings::Any);
    assert_eq!(call("{CONST :consttype 25 :constisnull true :constvalue <>}"), Settings::Any);
    assert_eq!(call("{CONST :consttype 25 :constvalue 5 [ 28 0 0 0 97 ]}"), Settings::Any);
}

#[test]
fn text_that_does_not_follow_the_grammar_is_refused() {
    for tree in [
        "{",
        "}",
        "(",
        ")",
        "{A :b}",
        "{A b}",
        "{A :b 1 2}",
        "{A :b 1 {C}}",
        "{A :b (1}",
        "{A :funcid x}",
        "{A :relid -1}",
        "{CONST :consttype 25 :constvalue 4 [ 1 2",
        "{CONST :consttype 25 :constvalue 4 [ x ]}",
        "{SQLVALUEFUNCTION :op 99 :type 12345}",
        "x",
        // A field without a value would hide the next one.
        "{A :empty :funcid 12 :b 1}",
    ] {
        assert_eq!(read(tree, &mut Mentions::default()), Err(Malformed), "{tree}");
    }
    assert_eq!(mentions("<>"), Mentions::default());
}

#[test]
fn a_tree_of_any_depth_is_read() {
    let depth = 200_000;
    let tree = "{A :b (".repeat(depth) + "{F :funcid 9}" + &")}".repeat(depth);
    assert_eq!(Vec::from_iter(mentions(&tree).functions), [9]);
}
