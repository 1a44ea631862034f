using Cloister.Contracts.Keys;
using Cloister.Contracts.StoredValues;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Keys;

namespace Cloister.Enclave.Tests.Gateway;

/// <summary>KEKs by namespace, custody manual.</summary>
public sealed class NamespaceKekTests
{
    private const string Payments = "/registry/secrets/payments/db";
    private const string Other = "/registry/secrets/default/db";

    private static readonly byte[] Plaintext = "TOPSECRET"u8.ToArray();
    private static readonly KekRules Rules = new([new KekRule(["payments"], "gold")]);

    [Fact]
    public async Task Writes_go_by_the_rule_and_an_API_server_with_the_plain_provider_reads_both()
    {
        using GatewayFixture gateway = new(keks: Rules);
        Kek gold = gateway.Custody.Create("gold");
        Assert.NotEqual(gold.KeyId, gateway.Custody.Status.KeyId);
        byte[] payments = await gateway.EncryptAsync(Payments, Plaintext);
        byte[] other = await gateway.EncryptAsync(Other, Plaintext);
        Assert.Equal((gold.KeyId, gateway.Custody.Status.KeyId), (KeyIdOf(payments), KeyIdOf(other)));
        foreach ((string key, byte[] stored) in (List<(string, byte[])>)[(Payments, payments), (Other, other)])
        {
            Assert.Equal(Plaintext, await gateway.ReadByApiServerAsync(key, stored));
            Assert.Equal(ValueOutcome.Decrypted, (await gateway.DecryptAsync(key, stored)).Outcome);
        }
    }

    [Fact]
    public async Task What_an_API_server_wrote_under_the_default_KEK_is_read_in_a_namespace_of_its_own()
    {
        using GatewayFixture gateway = new(keks: Rules);
        gateway.Custody.Create("gold");
        byte[] stored = await gateway.StoredByApiServerAsync(Payments, Plaintext);
        Assert.Equal(gateway.Custody.Status.KeyId, KeyIdOf(stored));
        Assert.Equal(Plaintext, (await gateway.DecryptAsync(Payments, stored)).Plaintext);
    }

    [Fact]
    public async Task Without_its_KEK_a_namespace_is_refused_by_name_and_others_go_on()
    {
        using GatewayFixture gateway = new(keks: Rules);
        FailureException refused = await Assert.ThrowsAsync<FailureException>(() => gateway.EncryptAsync(Payments, Plaintext));
        Assert.Equal(FailureKind.NotReady, refused.Kind);
        Assert.Contains("KEK gold, which gateway.keks names for this namespace", refused.Message, StringComparison.Ordinal);
        Assert.Contains("cloister kek import --name gold", refused.Message, StringComparison.Ordinal);
        Assert.Equal(Plaintext, (await gateway.DecryptAsync(Other, await gateway.EncryptAsync(Other, Plaintext))).Plaintext);
    }

    [Fact]
    public async Task A_KEK_that_goes_takes_its_seeds_and_no_others()
    {
        using GatewayFixture gateway = new(keks: Rules);
        Kek gold = gateway.Custody.Create("gold");
        byte[] payments = await gateway.EncryptAsync(Payments, Plaintext);
        byte[] other = await gateway.EncryptAsync(Other, Plaintext);
        gateway.Custody.Create("gold");
        gateway.Custody.Retire(gold.KeyId);
        int before = gateway.Arena.InUse;
        gateway.Seeds.WipeWithdrawn();
        Assert.Equal(before - 1, gateway.Arena.InUse);
        Assert.Equal(ValueOutcome.KekAbsent, (await gateway.DecryptAsync(Payments, payments)).Outcome);
        Assert.Equal(Plaintext, (await gateway.DecryptAsync(Other, other)).Plaintext);

        // The seed of the other namespaces is the same one still.
        Assert.Equal(GatewayFixture.Edek(other), GatewayFixture.Edek(await gateway.EncryptAsync(Other, Plaintext)));
    }

    [Fact]
    public async Task With_namespaces_only_the_default_ones_are_refused_and_theirs_go_on()
    {
        using GatewayFixture gateway = new(keks: Rules);
        byte[] other = await gateway.EncryptAsync(Other, Plaintext);
        gateway.Custody.Wipe();
        gateway.Custody.Create("gold");
        Assert.Equal(Plaintext, (await gateway.DecryptAsync(Payments, await gateway.EncryptAsync(Payments, Plaintext))).Plaintext);
        Assert.Equal(FailureKind.NotReady, (await Assert.ThrowsAsync<FailureException>(() => gateway.EncryptAsync(Other, Plaintext))).Kind);
        Assert.Equal(ValueOutcome.KekAbsent, (await gateway.DecryptAsync(Other, other)).Outcome);
    }

    private static string KeyIdOf(byte[] stored) => EncryptedObject.Parse(StoredValue.Parse(stored).Body).KeyIdText;
}
