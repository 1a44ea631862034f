using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway;

namespace Cloister.Enclave.Tests.Gateway;

public sealed class GatewayRulesTests
{
    private static readonly GatewayRules Rules = new(["/registry/secrets/", "/other/"], PlaintextMode.Adopt);

    [Theory]
    [InlineData("/registry/secrets/a/b", true)]
    [InlineData("/other/x", true)]
    [InlineData("/registry/secrets", false)]
    [InlineData("/registry/secretsx/a", false)]
    [InlineData("", false)]
    public void Keys_under_a_prefix_are_covered(string key, bool covered) => Assert.Equal(covered, Rules.Covers(Etcd.Bytes(key)));

    [Theory]
    [InlineData("/registry/secrets/a", "", true)]
    [InlineData("/registry/", "/registry0", true)]
    [InlineData("/registry/secrets/q", "/registry/secrets/r", true)]
    [InlineData("/registry/secrets/q", "/z", true)]
    [InlineData("/a", "\0", true)]
    [InlineData("/registry/secrets0", "\0", false)]
    [InlineData("/registry/pods/", "/registry/pods0", false)]
    [InlineData("/registry/configmaps/", "/registry/secrets/", false)]
    public void Ranges_that_meet_a_prefix_are_covered(string key, string end, bool covered) =>
        Assert.Equal(covered, Rules.CoversAny(Etcd.Bytes(key), Etcd.Bytes(end)));

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("registry/")]
    [InlineData("/registry/secrets")]
    public void A_prefix_that_could_cover_too_much_or_nothing_is_refused(string prefix) =>
        Assert.Throws<ArgumentException>(() => new GatewayRules([prefix], PlaintextMode.Adopt));

    [Fact]
    public void Rules_without_a_prefix_are_refused() => Assert.Throws<ArgumentException>(() => new GatewayRules([], PlaintextMode.Adopt));
}
