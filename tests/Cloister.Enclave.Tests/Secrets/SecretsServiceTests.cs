using Cloister.Contracts.SecretsV1;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Secrets;

public sealed class SecretsServiceTests : IDisposable
{
    private readonly SecretsFixture _secrets = new();

    public void Dispose() => _secrets.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1024)]
    [InlineData(1 << 20)]
    public async Task Round_trip(int length)
    {
        byte[] plaintext = TestKeys.Random(length);
        EncryptResponse encrypted = await _secrets.CallAsync("Encrypt", SecretsFixture.Encrypt(SecretsFixture.Key, plaintext), EncryptResponse.Parser);
        DecryptResponse decrypted = await _secrets.DecryptAsync(encrypted.Stored.ToByteArray());
        Assert.Equal(plaintext, decrypted.Plaintext.ToByteArray());
        Assert.Equal((_secrets.KeyId, _secrets.KeyId, false), (encrypted.KeyId, decrypted.KeyId, decrypted.Stale));
        Assert.Equal((1, 1), (_secrets.Engine.Counters.Encryptions, _secrets.Engine.Counters.Decryptions));
    }

    [Fact]
    public async Task Status_names_the_key_that_Encrypt_uses()
    {
        StatusResponse status = await _secrets.CallAsync("Status", new StatusRequest(), StatusResponse.Parser);
        Assert.Equal(
            new StatusResponse { Version = "v1", Healthz = "ok", KeyId = _secrets.KeyId, Provider = "cloister", Cluster = "cluster-1", Tee = "simulated" },
            status);
    }

    [Fact]
    public async Task An_API_server_reads_what_it_wrote_and_the_other_way_round()
    {
        byte[] plaintext = TestKeys.Random(100);
        byte[] ours = await _secrets.EncryptAsync(plaintext);
        Assert.StartsWith("k8s:enc:kms:v2:cloister:", System.Text.Encoding.Latin1.GetString(ours), StringComparison.Ordinal);
        Assert.Equal(plaintext, await _secrets.Gateway.ReadByApiServerAsync(SecretsFixture.Key, ours));
        byte[] theirs = await _secrets.Gateway.StoredByApiServerAsync(SecretsFixture.Key, plaintext);
        Assert.Equal(plaintext, (await _secrets.DecryptAsync(theirs)).Plaintext.ToByteArray());
        (ValueOutcome outcome, byte[] read) = await _secrets.Gateway.DecryptAsync(SecretsFixture.Key, ours);
        Assert.Equal(ValueOutcome.Decrypted, outcome);
        Assert.Equal(plaintext, read);
    }

    [Fact]
    public async Task Everything_that_does_not_open_is_answered_alike()
    {
        byte[] stored = await _secrets.EncryptAsync(TestKeys.Random(20));
        using SecretsFixture other = new();
        other.Rotate();
        byte[] otherKek = await other.EncryptAsync(TestKeys.Random(20));
        List<CallResult> results =
        [
            await _secrets.CallAsync("Decrypt", SecretsFixture.Decrypt("/registry/secrets/ns/other", stored)),
            await _secrets.CallAsync("Decrypt", SecretsFixture.Decrypt(SecretsFixture.Key, otherKek)),
            await _secrets.CallAsync("Decrypt", SecretsFixture.Decrypt(SecretsFixture.Key, stored[..^1])),
            await _secrets.CallAsync("Decrypt", SecretsFixture.Decrypt(SecretsFixture.Key, stored[..30])),
        ];
        for (int i = "k8s:enc:kms:v2:cloister:".Length; i < stored.Length; i++)
        {
            byte[] changed = [.. stored];
            changed[i] ^= 0x10;
            results.Add(await _secrets.CallAsync("Decrypt", SecretsFixture.Decrypt(SecretsFixture.Key, changed)));
        }

        CallResult first = results[0];
        Assert.Equal(FailureKind.Invalid, first.Code);
        Assert.All(results, result => Assert.Equal((first.Code, first.Message), (result.Code, result.Message)));
    }

    [Fact]
    public async Task Plaintext_and_other_providers_are_named()
    {
        foreach (string value in (string[])["{}", "k8s\0", "", "k8s:enc:kms:v2:other:x", "k8s:enc:aescbc:v1:k:x"])
        {
            CallResult result = await _secrets.CallAsync("Decrypt", SecretsFixture.Decrypt(SecretsFixture.Key, System.Text.Encoding.UTF8.GetBytes(value)));
            Assert.Equal(FailureKind.Invalid, result.Code);
            Assert.Contains("not one of KMS v2 provider cloister", result.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_value_is_stale_when_the_KEK_is_another_one_by_now()
    {
        byte[] stored = await _secrets.EncryptAsync([1]);
        string before = _secrets.KeyId;
        _secrets.Rotate();
        DecryptResponse old = await _secrets.DecryptAsync(stored);
        Assert.Equal((before, true), (old.KeyId, old.Stale));
        Assert.False((await _secrets.DecryptAsync(await _secrets.EncryptAsync([1]))).Stale);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0A")]
    [InlineData("0A05")]
    [InlineData("0A00")]
    [InlineData("1201FF")]
    [InlineData("0B")]
    [InlineData("08FFFFFFFFFFFFFFFFFFFF7F")]
    public async Task Malformed_requests(string hex)
    {
        byte[] message = Convert.FromHexString(hex);
        foreach (string method in _secrets.Methods.Where(method => method != "Status"))
        {
            CallResult result = await _secrets.CallAsync(method, message);
            Assert.Equal(FailureKind.Invalid, result.Code);
        }
    }

    [Fact]
    public async Task A_key_is_needed_and_has_a_limit()
    {
        foreach (string key in (string[])["", new string('k', 4097)])
        {
            CallResult result = await _secrets.CallAsync("Encrypt", SecretsFixture.Encrypt(key, [1]));
            Assert.Equal(FailureKind.Invalid, result.Code);
            Assert.Contains("etcd key", result.Message, StringComparison.Ordinal);
        }

        await _secrets.EncryptAsync([1], new string('k', 4096));
    }

    [Fact]
    public async Task Without_a_KEK_every_call_is_an_error_that_says_what_to_do()
    {
        byte[] stored = await _secrets.EncryptAsync([1]);
        await _secrets.DecryptAsync(stored);
        _secrets.Gateway.Custody.Wipe();
        RewrapRequest rewrap = SecretsFixture.Rewrap(SecretsFixture.Key, stored);
        DecryptRequest decrypt = SecretsFixture.Decrypt(SecretsFixture.Key, stored);
        EncryptRequest encrypt = SecretsFixture.Encrypt(SecretsFixture.Key, [1]);
        CallResult[] results =
        [
            await _secrets.CallAsync("Status", new StatusRequest()),
            await _secrets.CallAsync("Encrypt", encrypt),
            await _secrets.CallAsync("Decrypt", decrypt),
            await _secrets.CallAsync("Rewrap", rewrap),
            await _secrets.CallAsync("EncryptBatch", new EncryptBatchRequest { Items = { encrypt } }),
            await _secrets.CallAsync("DecryptBatch", new DecryptBatchRequest { Items = { decrypt } }),
            await _secrets.CallAsync("RewrapBatch", new RewrapBatchRequest { Items = { rewrap } }),
        ];
        Assert.All(results, result =>
        {
            Assert.Equal(FailureKind.NotReady, result.Code);
            Assert.Contains("kek create", result.Message, StringComparison.Ordinal);
        });
    }
}
