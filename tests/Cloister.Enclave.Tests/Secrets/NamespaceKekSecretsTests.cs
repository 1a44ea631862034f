using Cloister.Contracts.Keys;
using Cloister.Contracts.SecretsV1;
using Cloister.Enclave.Base;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Secrets;

/// <summary>The secrets service with KEKs of namespaces: what the tools on etcd go by.</summary>
public sealed class NamespaceKekSecretsTests : IDisposable
{
    private const string Payments = "/registry/secrets/payments/db";

    private static readonly KekRules Rules = new([new KekRule(["payments", "team-*"], "gold")]);

    private readonly SecretsFixture _secrets = new(keks: Rules);

    public void Dispose() => _secrets.Dispose();

    [Fact]
    public async Task Status_tells_the_rules_and_their_key_ids()
    {
        StatusResponse before = await _secrets.CallAsync("Status", new StatusRequest(), StatusResponse.Parser);
        NamespaceKek rule = Assert.Single(before.NamespaceKeks);
        Assert.Equal(("gold", ""), (rule.Kek, rule.KeyId));
        Assert.Equal(["payments", "team-*"], rule.Namespaces);
        Assert.Contains("KEK gold", rule.Healthz, StringComparison.Ordinal);

        string gold = _secrets.Gateway.Custody.Create("gold").KeyId;
        StatusResponse after = await _secrets.CallAsync("Status", new StatusRequest(), StatusResponse.Parser);
        Assert.Equal((gold, "ok"), (after.NamespaceKeks[0].KeyId, after.NamespaceKeks[0].Healthz));
        Assert.NotEqual(gold, after.KeyId);
    }

    [Fact]
    public async Task Rewrap_brings_a_value_under_the_KEK_of_its_namespace()
    {
        byte[] stored = await _secrets.Gateway.StoredByApiServerAsync(Payments, "TOPSECRET"u8.ToArray());
        string gold = _secrets.Gateway.Custody.Create("gold").KeyId;
        Assert.True((await _secrets.DecryptAsync(stored, Payments)).Stale);
        RewrapResponse rewrapped = await _secrets.CallAsync("Rewrap", SecretsFixture.Rewrap(Payments, stored), RewrapResponse.Parser);
        Assert.Equal(Outcome.Done, rewrapped.Outcome);
        DecryptResponse decrypted = await _secrets.DecryptAsync(rewrapped.Stored.ToByteArray(), Payments);
        Assert.Equal((gold, false, "TOPSECRET"), (decrypted.KeyId, decrypted.Stale, decrypted.Plaintext.ToStringUtf8()));
        RewrapResponse again = await _secrets.CallAsync("Rewrap", SecretsFixture.Rewrap(Payments, rewrapped.Stored.ToByteArray()), RewrapResponse.Parser);
        Assert.Equal(Outcome.Unchanged, again.Outcome);
    }

    [Fact]
    public async Task A_KEK_that_is_not_here_is_an_outcome_of_its_namespaces_and_leaves_others_alone()
    {
        byte[] stored = await _secrets.Gateway.StoredByApiServerAsync(Payments, "a"u8.ToArray());
        byte[] other = await _secrets.Gateway.StoredByApiServerAsync(SecretsFixture.Key, "b"u8.ToArray());
        _secrets.Rotate();
        RewrapBatchRequest batch = new() { Items = { SecretsFixture.Rewrap(Payments, stored), SecretsFixture.Rewrap(SecretsFixture.Key, other) } };
        RewrapBatchResponse response = await _secrets.CallAsync("RewrapBatch", batch, RewrapBatchResponse.Parser);
        Assert.Equal([Outcome.NoKek, Outcome.Done], response.Items.Select(item => item.Outcome));
        CallResult refused = await _secrets.CallAsync("Rewrap", SecretsFixture.Rewrap(Payments, stored));
        Assert.Equal(FailureKind.NotReady, refused.Code);
        Assert.Contains("KEK gold", refused.Message, StringComparison.Ordinal);
    }
}
