using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Custody;

/// <summary>KEKs of namespaces in custody manual: what is active, across restarts and changes of the rules.</summary>
public sealed class NamespaceKekSealTests : IDisposable
{
    private static readonly KekRules Gold = new([new KekRule(["payments"], "gold")]);

    private readonly SecretArena _arena = new(64);
    private readonly TestFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        _arena.Dispose();
    }

    [Fact]
    public async Task Each_name_has_its_active_version_again_after_a_restart()
    {
        string gold;
        string main;
        await using (ManualCustody custody = Open(Gold))
        {
            custody.Create("gold");
            custody.Create("main");
            gold = custody.Create("gold").KeyId;
            custody.Create("gold-2");
            main = custody.Create("main").KeyId;
            Assert.Equal((main, gold), (custody.Status.KeyId, custody.Under("gold").Status.KeyId));
        }

        await using ManualCustody again = Open(Gold);
        Assert.Equal((main, gold), (again.Status.KeyId, again.Under("gold").Status.KeyId));
        Assert.Equal(FailureKind.NotReady, Assert.Throws<FailureException>(() => again.Retire(gold)).Kind);
    }

    [Fact]
    public async Task A_name_that_rules_no_longer_have_is_for_reading_and_the_default_KEK_stays()
    {
        string gold;
        string main;
        await using (ManualCustody custody = Open(Gold))
        {
            main = custody.Create("main").KeyId;
            gold = custody.Create("gold").KeyId;
        }

        await using ManualCustody again = Open(KekRules.None);
        Assert.Equal(main, again.Status.KeyId);
        Assert.False(again.Ring.IsActive(again.Ring.All.Single(kek => kek.KeyId == gold)));
        Assert.True(KeyId.TryParse(gold, out KeyFingerprint fingerprint) && again.Holds(fingerprint));
    }

    [Fact]
    public async Task A_rule_takes_the_default_KEK_for_its_namespaces_and_leaves_none()
    {
        string gold;
        await using (ManualCustody custody = Open(KekRules.None))
        {
            gold = custody.Create("gold").KeyId;
        }

        await using ManualCustody again = Open(Gold);
        Assert.Null(again.Status.KeyId);
        Assert.Equal(gold, again.Under("gold").Status.KeyId);
        Assert.True(again.HasKeks);
        string main = again.Create("main").KeyId;
        Assert.Equal((main, gold), (again.Status.KeyId, again.Under("gold").Status.KeyId));
    }

    [Fact]
    public async Task An_inactive_version_is_activated_by_importing_it_again()
    {
        await using ManualCustody custody = Open(Gold);
        string first = custody.Import("gold", 1, TestKeys.Of(1), activate: true).KeyId;
        Kek second = custody.Import("gold", 2, TestKeys.Of(2), activate: false);
        Assert.Equal(first, custody.Under("gold").Status.KeyId);
        custody.Import("gold", 2, TestKeys.Of(2), activate: true);
        Assert.Equal(second.KeyId, custody.Under("gold").Status.KeyId);
        custody.Retire(first);
        Assert.Equal([second], custody.Ring.All);
    }

    private ManualCustody Open(KekRules rules) =>
        new(TestKeys.Context(), _arena, new SealedKeks(_folder.File("keks.sealed"), TestKeys.Context(), new FixedSealer(5), _arena), rules);
}
