using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Gateway;

public sealed class GatewayValuesTests
{
    private static readonly byte[] Plaintext = "TOPSECRET"u8.ToArray();

    [Fact]
    public async Task An_API_server_reads_what_the_gateway_wrote()
    {
        using GatewayFixture gateway = new();
        byte[] stored = await gateway.EncryptAsync(Etcd.Covered, Plaintext);
        Assert.StartsWith("k8s:enc:kms:v2:cloister:", System.Text.Encoding.Latin1.GetString(stored), StringComparison.Ordinal);
        Assert.Equal(Plaintext, await gateway.ReadByApiServerAsync(Etcd.Covered, stored));
    }

    [Fact]
    public async Task The_gateway_reads_what_an_API_server_wrote()
    {
        using GatewayFixture gateway = new();
        byte[] stored = await gateway.StoredByApiServerAsync(Etcd.Covered, Plaintext);
        Assert.Equal((ValueOutcome.Decrypted, Plaintext), await gateway.DecryptAsync(Etcd.Covered, stored), Same);
    }

    [Fact]
    public async Task Every_changed_byte_and_every_truncation_is_noticed_and_yields_nothing()
    {
        using GatewayFixture gateway = new();
        byte[] stored = await gateway.EncryptAsync(Etcd.Covered, Plaintext);
        for (int i = "k8s:enc:kms:v2:cloister:".Length; i < stored.Length - 2; i++)
        {
            byte[] changed = [.. stored];
            changed[i] ^= 1;
            Assert.Equal((ValueOutcome.Undecryptable, []), await gateway.DecryptAsync(Etcd.Covered, changed), Same);
            Assert.Equal((ValueOutcome.Undecryptable, []), await gateway.DecryptAsync(Etcd.Covered, stored[..i]), Same);
        }

        Assert.Equal((ValueOutcome.Undecryptable, []), await gateway.DecryptAsync(Etcd.Covered + "2", stored), Same);
    }

    [Theory]
    [InlineData("k8s:enc:kms:v2:other:x", PlaintextMode.Sealed, ValueOutcome.Refused)]
    [InlineData("k8s:enc:kms:v2:other:x", PlaintextMode.Adopt, ValueOutcome.PassThrough)]
    [InlineData("k8s:enc:kms:v2:cloister2:x", PlaintextMode.Sealed, ValueOutcome.Refused)]
    [InlineData("k8s:enc:kms:v2:cloister2:x", PlaintextMode.Adopt, ValueOutcome.PassThrough)]
    [InlineData("k8s:enc:kms:v1:cloister:x", PlaintextMode.Sealed, ValueOutcome.Refused)]
    [InlineData("k8s:enc:aescbc:v1:key1:x", PlaintextMode.Sealed, ValueOutcome.Refused)]
    [InlineData("k8s:enc:aescbc:v1:key1:x", PlaintextMode.Adopt, ValueOutcome.PassThrough)]
    [InlineData("k8s:enc:kms:v2:cloister:", PlaintextMode.Adopt, ValueOutcome.Undecryptable)]
    [InlineData("k8s\0plain", PlaintextMode.Adopt, ValueOutcome.PassThrough)]
    [InlineData("k8s\0plain", PlaintextMode.Sealed, ValueOutcome.Refused)]
    [InlineData("k8s:en", PlaintextMode.Sealed, ValueOutcome.Refused)]
    public async Task What_is_not_ours(string stored, PlaintextMode mode, ValueOutcome outcome)
    {
        using GatewayFixture gateway = new(mode);
        Assert.Equal((outcome, []), await gateway.DecryptAsync(Etcd.Covered, Etcd.Bytes(stored)), Same);
    }

    [Fact]
    public async Task A_seed_serves_as_many_writes_as_it_may_and_all_stay_readable()
    {
        using GatewayFixture gateway = new(options: new SeedOptions(TimeSpan.FromHours(1), 3, 16));
        List<byte[]> stored = [];
        for (int i = 0; i < 9; i++)
        {
            stored.Add(await gateway.EncryptAsync(Etcd.Covered, Plaintext));
        }

        Assert.Equal([3, 3, 3], stored.CountBy(s => Convert.ToHexString(GatewayFixture.Edek(s))).Select(c => c.Value));
        foreach (byte[] value in stored)
        {
            Assert.Equal((ValueOutcome.Decrypted, Plaintext), await gateway.DecryptAsync(Etcd.Covered, value), Same);
        }
    }

    [Fact]
    public async Task An_old_seed_is_replaced()
    {
        SettableTime time = new();
        using GatewayFixture gateway = new(options: new SeedOptions(TimeSpan.FromMinutes(5), 1000, 16), time: time);
        byte[] first = GatewayFixture.Edek(await gateway.EncryptAsync(Etcd.Covered, Plaintext));
        time.Seconds = 299;
        Assert.Equal(first, GatewayFixture.Edek(await gateway.EncryptAsync(Etcd.Covered, Plaintext)));
        time.Seconds = 300;
        Assert.NotEqual(first, GatewayFixture.Edek(await gateway.EncryptAsync(Etcd.Covered, Plaintext)));
    }

    [Fact]
    public async Task Another_active_KEK_means_another_seed()
    {
        using GatewayFixture gateway = new();
        byte[] before = await gateway.EncryptAsync(Etcd.Covered, Plaintext);
        gateway.Custody.Import("k", 2, TestKeys.Of(8), activate: true);
        byte[] after = await gateway.EncryptAsync(Etcd.Covered, Plaintext);
        Assert.NotEqual(GatewayFixture.Edek(before)[..22], GatewayFixture.Edek(after)[..22]);
        Assert.Equal(Plaintext, (await gateway.DecryptAsync(Etcd.Covered, before)).Plaintext);
        Assert.Equal(Plaintext, (await gateway.DecryptAsync(Etcd.Covered, after)).Plaintext);
    }

    [Fact]
    public async Task More_seeds_than_fit_are_unwrapped_again_and_the_cache_stays_bounded()
    {
        using GatewayFixture gateway = new(options: new SeedOptions(TimeSpan.FromHours(1), 1, 2));
        List<byte[]> stored = [];
        for (int i = 0; i < 20; i++)
        {
            stored.Add(await gateway.EncryptAsync(Etcd.Covered, Plaintext));
        }

        foreach (byte[] value in stored)
        {
            Assert.Equal((ValueOutcome.Decrypted, Plaintext), await gateway.DecryptAsync(Etcd.Covered, value), Same);
        }

        // Two cached, one for writes, one KEK.
        Assert.Equal(4, gateway.Arena.InUse);
    }

    [Theory]
    [InlineData("k8s:enc:kms:v2:cloister:")]
    [InlineData("k8s:enc:kms:v1:cloister:")]
    public async Task What_this_provider_encrypted_is_not_encrypted_again(string prefix)
    {
        using GatewayFixture gateway = new(PlaintextMode.Adopt);
        FailureException e = await Assert.ThrowsAsync<FailureException>(() => gateway.EncryptAsync(Etcd.Covered, Etcd.Bytes(prefix + "x")));
        Assert.Equal(FailureKind.Invalid, e.Kind);
        Assert.Contains("EncryptionConfiguration", e.Message, StringComparison.Ordinal);
        Assert.NotEmpty(await gateway.EncryptAsync(Etcd.Covered, Etcd.Bytes("k8s:enc:aescbc:v1:key1:x")));
    }

    // Another gateway on the same etcd got the next KEK first.
    [Fact]
    public async Task A_value_under_a_KEK_that_is_not_here_is_not_handed_out()
    {
        SettableTime time = new();
        using GatewayFixture ahead = new();
        using GatewayFixture behind = new(time: time);
        ahead.Custody.Import("k", 2, TestKeys.Of(8), activate: true);
        byte[] stored = await ahead.EncryptAsync(Etcd.Covered, Plaintext);
        Assert.Equal((ValueOutcome.KekAbsent, []), await behind.DecryptAsync(Etcd.Covered, stored), Same);
        EtcdCall call = await behind.AskAsync(EtcdMessage.RangeRequest, Etcd.Ask(Etcd.Covered));
        byte[] answer = Etcd.Range(Etcd.KeyValue(Etcd.Covered, stored));
        FailureException e = await Assert.ThrowsAsync<FailureException>(() => behind.RewriteAsync(EtcdMessage.RangeResponse, answer, call));
        Assert.Equal(FailureKind.Unavailable, e.Kind);
        Assert.Contains(Etcd.Covered, e.Message, StringComparison.Ordinal);

        // It does not come: nobody is told to try again for ever.
        time.Seconds = 11;
        call = await behind.AskAsync(EtcdMessage.RangeRequest, Etcd.Ask(Etcd.Covered));
        Assert.Equal(FailureKind.NotReady, (await Assert.ThrowsAsync<FailureException>(() => behind.RewriteAsync(EtcdMessage.RangeResponse, answer, call))).Kind);
        behind.Custody.Import("k", 2, TestKeys.Of(8), activate: true);
        call = await behind.AskAsync(EtcdMessage.RangeRequest, Etcd.Ask(Etcd.Covered));
        Assert.Equal(1, (await behind.RewriteAsync(EtcdMessage.RangeResponse, answer, call)).Result.Decrypted);
    }

    [Fact]
    public async Task Without_a_KEK_calls_fail_as_a_whole_after_a_wipe()
    {
        using GatewayFixture gateway = new();
        byte[] stored = await gateway.EncryptAsync(Etcd.Covered, Plaintext);
        gateway.Custody.Wipe();
        gateway.Seeds.Wipe();
        Assert.Equal(0, gateway.Arena.InUse);
        await Assert.ThrowsAsync<FailureException>(() => gateway.EncryptAsync(Etcd.Covered, Plaintext));
        await Assert.ThrowsAsync<FailureException>(() => gateway.DecryptAsync(Etcd.Covered, stored));
    }

    private static bool Same((ValueOutcome Outcome, byte[] Plaintext) a, (ValueOutcome Outcome, byte[] Plaintext) b) =>
        a.Outcome == b.Outcome && a.Plaintext.AsSpan().SequenceEqual(b.Plaintext);

    private sealed class SettableTime : TimeProvider
    {
        internal long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
