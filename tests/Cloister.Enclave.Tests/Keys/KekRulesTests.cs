using System.Text;
using Cloister.Contracts.Keys;

namespace Cloister.Enclave.Tests.Keys;

public sealed class KekRulesTests
{
    private static readonly KekRules Rules = new(
        [new KekRule(["payments", "team-*"], "gold"), new KekRule(["team-a", "audit"], "silver"), new KekRule(["x*"], "gold")]);

    [Theory]
    [InlineData("/registry/secrets/payments/db", "gold")]
    [InlineData("/registry/secrets/payments2/db", null)]
    [InlineData("/registry/secrets/payment/db", null)]
    [InlineData("/registry/secrets/team-/db", "gold")]
    [InlineData("/registry/secrets/team-a/db", "gold")]
    [InlineData("/registry/secrets/team/db", null)]
    [InlineData("/registry/secrets/audit/db", "silver")]
    [InlineData("/registry/secrets/default/payments", null)]
    [InlineData("/registry/example.com/widgets/payments/db", "gold")]
    [InlineData("/registry/nodes/payments", null)]
    [InlineData("/registry/secrets//db", null)]
    [InlineData("/registry/secrets/payments/", "gold")]
    [InlineData("payments/db", null)]
    [InlineData("", null)]
    public void The_first_rule_with_the_namespace_says_which_KEK(string key, string? kek) => Assert.Equal(kek, Rules.Find(Encoding.UTF8.GetBytes(key)));

    [Fact]
    public void Each_KEK_is_named_once_and_without_rules_there_is_none()
    {
        Assert.Equal(["gold", "silver"], Rules.Keks);
        Assert.Empty(KekRules.None.Keks);
        Assert.Null(KekRules.None.Find("/registry/secrets/payments/db"u8));
        Assert.Equal("all", new KekRules([new KekRule(["*"], "all")]).Find("/registry/secrets/any/db"u8));
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("a-b-9", true)]
    [InlineData("a-*", true)]
    [InlineData("*", true)]
    [InlineData("", false)]
    [InlineData("a*b", false)]
    [InlineData("a**", false)]
    [InlineData("A", false)]
    [InlineData("a/b", false)]
    [InlineData("-a", false)]
    [InlineData("a-", false)]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123", false)]
    public void Only_what_can_name_namespaces_is_a_pattern(string text, bool valid)
    {
        Assert.Equal(valid, KekRule.IsNamespacePattern(text));
        if (!valid)
        {
            Assert.Throws<ArgumentException>(() => new KekRules([new KekRule([text], "k")]));
        }
    }

    [Fact]
    public void A_rule_without_namespaces_or_with_a_wrong_KEK_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new KekRules([new KekRule([], "k")]));
        Assert.Throws<ArgumentException>(() => new KekRules([new KekRule(["a"], "K")]));
    }
}
