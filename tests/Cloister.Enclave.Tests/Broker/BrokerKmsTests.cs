using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Sim;
using Cloister.Enclave.Tests.Support;
using Cloister.Kbs;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>Custody remote and passthrough with a broker as their KMS.</summary>
public sealed class BrokerKmsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false, true)]
    [InlineData(false, false)]
    [InlineData(true, false)]
    public async Task A_KEK_that_stays_with_the_broker_serves_writes_and_reads(bool release, bool passthrough)
    {
        await using TestBroker broker = await StartAsync(release);
        KeyFingerprint kek = broker.AddVersion();
        await using Enclave enclave = new(broker, passthrough);
        await enclave.ReadyAsync();
        Assert.Equal(KeyId.Format(kek), enclave.Custody.Status.KeyId);
        byte[] edek = await enclave.EncryptAsync();
        Assert.Equal(passthrough ? EdekSuite.Remote : EdekSuite.RemoteDek, Edek.Parse(edek).Suite);
        Assert.Equal(32, await enclave.DecryptAsync(edek));
        await using Enclave other = new(broker, passthrough);
        await other.ReadyAsync();
        Assert.Equal(32, await other.DecryptAsync(edek));
        edek[^1] ^= 1;
        Assert.Equal(FailureKind.Invalid, (await Assert.ThrowsAsync<FailureException>(() => other.DecryptAsync(edek))).Kind);
    }

    [Fact]
    public async Task Unwraps_that_come_together_make_few_calls()
    {
        await using TestBroker broker = await StartAsync();
        KeyFingerprint kek = broker.AddVersion();
        await using BrokerKms kms = Kms(broker, new AttestedFixture.ShiftedTime());
        await DescribedAsync(kms);
        EnvelopeContext context = AttestedFixture.Context.For(EnvelopeContext.DekPurpose);
        ReadOnlyMemory<byte>[] plaintexts = [.. Enumerable.Range(1, 300).Select(i => new ReadOnlyMemory<byte>(TestKeys.Of((byte)(i & 0xFF))))];
        IReadOnlyList<byte[]> wrapped = await kms.EncryptAsync(kek, context, plaintexts, Cancellation);
        Assert.Equal([256, 44], broker.Items);
        broker.Items.Clear();

        TaskCompletionSource gate = new();
        broker.CryptoGate = gate.Task;
        byte[][] opened = [.. plaintexts.Select(_ => new byte[64])];
        Task<int>[] unwraps = [.. wrapped.Select((item, i) => kms.DecryptAsync(kek, context, item, opened[i], Cancellation).AsTask())];
        gate.SetResult();
        Assert.All(await Task.WhenAll(unwraps), length => Assert.Equal(32, length));
        Assert.All(plaintexts.Index(), item => Assert.Equal(item.Item.ToArray(), opened[item.Index][..32]));
        Assert.Equal([1, 256, 43], broker.Items);
    }

    [Fact]
    public async Task One_item_that_is_not_authentic_fails_alone()
    {
        await using TestBroker broker = await StartAsync();
        KeyFingerprint kek = broker.AddVersion();
        await using BrokerKms kms = Kms(broker, new AttestedFixture.ShiftedTime());
        await DescribedAsync(kms);
        EnvelopeContext context = AttestedFixture.Context.For(EnvelopeContext.DekPurpose);
        byte[] good = (await kms.EncryptAsync(kek, context, [TestKeys.Of(1)], Cancellation))[0];
        TaskCompletionSource gate = new();
        broker.CryptoGate = gate.Task;
        Task<int> first = kms.DecryptAsync(kek, context, good, new byte[64], Cancellation).AsTask();
        Task<int> bad = kms.DecryptAsync(kek, context, new byte[60], new byte[64], Cancellation).AsTask();
        Task<int> last = kms.DecryptAsync(kek, context, good, new byte[64], Cancellation).AsTask();
        gate.SetResult();
        Assert.Equal((32, 32), (await first, await last));
        Assert.Equal(RemoteKmsFailure.NotAuthentic, (await Assert.ThrowsAsync<RemoteKmsException>(() => bad)).Failure);
        RemoteKmsException elsewhere = await Assert.ThrowsAsync<RemoteKmsException>(
            async () => await kms.DecryptAsync(kek, context.For("other"), good, new byte[64], Cancellation));
        Assert.Equal(RemoteKmsFailure.NotAuthentic, elsewhere.Failure);
    }

    [Theory]
    [InlineData("Busy", RemoteKmsFailure.Unavailable)]
    [InlineData("TokenVerifierError", RemoteKmsFailure.Unavailable)]
    [InlineData("PolicyDeny", RemoteKmsFailure.Denied)]
    [InlineData("BadRequest", RemoteKmsFailure.Denied)]
    [InlineData("LeaseRevoked", RemoteKmsFailure.Denied)]
    [InlineData("KekNotFound", RemoteKmsFailure.UnknownKek)]
    public async Task Errors_of_the_broker_are_failures_of_the_KMS(string error, RemoteKmsFailure expected)
    {
        await using TestBroker broker = await StartAsync();
        KeyFingerprint kek = broker.AddVersion();
        await using BrokerKms kms = Kms(broker, new AttestedFixture.ShiftedTime());
        await DescribedAsync(kms);
        broker.Errors[KbsPaths.Unwrap] = error;
        RemoteKmsException failure = await Assert.ThrowsAsync<RemoteKmsException>(
            async () => await kms.DecryptAsync(kek, AttestedFixture.Context, new byte[60], new byte[64], Cancellation));
        Assert.Equal(expected, failure.Failure);
    }

    [Fact]
    public async Task A_token_that_is_over_is_renewed()
    {
        await using TestBroker broker = await StartAsync();
        KeyFingerprint kek = broker.AddVersion();
        await using BrokerKms kms = Kms(broker, new AttestedFixture.ShiftedTime());
        await DescribedAsync(kms);
        broker.Errors[KbsPaths.Unwrap] = "TokenVerifierError";
        await Assert.ThrowsAsync<RemoteKmsException>(async () => await kms.DecryptAsync(kek, AttestedFixture.Context, new byte[60], new byte[64], Cancellation));
        await Eventually.TrueAsync(() => broker.Statements.Count > 1, "renewed");
        Assert.Equal(1, broker.Statements.Last().Unwraps);
    }

    [Fact]
    public async Task Uses_are_counted_and_bounded()
    {
        await using TestBroker broker = await StartAsync();
        KeyFingerprint kek = broker.AddVersion();
        broker.Shape = terms => terms with { Wraps = 10, Time = 1_000_000 + (broker.Statements.Count * 1000) };
        await using BrokerKms kms = Kms(broker, new AttestedFixture.ShiftedTime());
        await DescribedAsync(kms);
        broker.Errors[KbsPaths.Lease] = "Busy";
        ReadOnlyMemory<byte>[] six = [.. Enumerable.Repeat<ReadOnlyMemory<byte>>(TestKeys.Of(1), 6)];
        await kms.EncryptAsync(kek, AttestedFixture.Context, six, Cancellation);
        RemoteKmsException over = await Assert.ThrowsAsync<RemoteKmsException>(
            async () => await kms.EncryptAsync(kek, AttestedFixture.Context, six, Cancellation));
        Assert.Equal(RemoteKmsFailure.Unavailable, over.Failure);
        await kms.EncryptAsync(kek, AttestedFixture.Context, six[..4], Cancellation);
        broker.Errors.Clear();
        await Eventually.TrueAsync(() => broker.Statements.Count > 1, "renewed");
        Assert.Equal([0, 10], broker.Statements.Take(2).Select(statement => statement.Wraps));
    }

    [Fact]
    public async Task The_end_of_the_lease_ends_writes_and_reads_and_a_new_one_brings_them_back()
    {
        await using TestBroker broker = await StartAsync();
        broker.AddVersion();
        await using Enclave enclave = new(broker, passthrough: false);
        await enclave.ReadyAsync();
        byte[] edek = await enclave.EncryptAsync();
        broker.Errors[KbsPaths.Lease] = "Busy";
        enclave.Time.Forward(TimeSpan.FromHours(2));
        await Eventually.TrueAsync(() => enclave.Custody.Status.KeyId is null, "Status is an error");
        Assert.Equal(FailureKind.NotReady, enclave.Custody.Status.ErrorCode);
        await Assert.ThrowsAsync<FailureException>(enclave.EncryptAsync);
        await Assert.ThrowsAsync<FailureException>(() => enclave.DecryptAsync(edek));
        broker.Errors.Clear();
        await enclave.ReadyAsync();
        Assert.Equal(32, await enclave.DecryptAsync(edek));
    }

    [Fact]
    public async Task A_revoked_lease_ends_reads_of_DEKs_that_are_here()
    {
        await using TestBroker broker = await StartAsync();
        broker.AddVersion();
        await using Enclave enclave = new(broker, passthrough: false);
        await enclave.ReadyAsync();
        byte[] edek = await enclave.EncryptAsync();
        broker.Errors[KbsPaths.Lease] = "LeaseRevoked";
        broker.Errors[KbsPaths.Watch] = "LeaseRevoked";
        await Eventually.TrueAsync(() => enclave.Custody.Status.KeyId is null, "Status is an error");
        Assert.Equal(FailureKind.NotReady, (await Assert.ThrowsAsync<FailureException>(() => enclave.DecryptAsync(edek))).Kind);
        await Eventually.TrueAsync(() => enclave.Arena.InUse == 0, "DEKs wiped");
    }

    [Fact]
    public async Task Without_a_broker_nothing_is_known_yet()
    {
        await using TestBroker broker = await StartAsync();
        broker.AddVersion();
        broker.Errors[KbsPaths.Auth] = "Busy";
        await using Enclave enclave = new(broker, passthrough: false);
        await Eventually.TrueAsync(() => enclave.Custody.Status.Healthz.Contains("has not answered", StringComparison.Ordinal), "asked");
        Assert.Equal(FailureKind.Unavailable, enclave.Custody.Status.ErrorCode);
        broker.Errors.Clear();
        await enclave.ReadyAsync();
    }

    private static async Task<TestBroker> StartAsync(bool release = false)
    {
        TestBroker broker = await TestBroker.StartAsync();
        broker.Release = release;
        return broker;
    }

    private static BrokerKms Kms(TestBroker broker, TimeProvider time) =>
        new(AttestedFixture.Session(broker, time), new SecretArena(16), time, new CapturedLog().Log);

    private static async Task DescribedAsync(BrokerKms kms)
    {
        for (int i = 0; ; i++)
        {
            try
            {
                await kms.DescribeAsync(Cancellation);
                return;
            }
            catch (RemoteKmsException) when (i < 1000)
            {
                await Task.Delay(10, Cancellation);
            }
        }
    }

    private sealed class Enclave : IAsyncDisposable
    {
        internal Enclave(TestBroker broker, bool passthrough)
        {
            CapturedLog log = new();
            BrokerKms kms = new(AttestedFixture.Session(broker, Time), Arena, Time, log.Log);
            RemoteOptions options = RemoteFixture.Options with { Timeout = TimeSpan.FromSeconds(20) };
            Custody = passthrough
                ? new PassthroughCustody(AttestedFixture.Context, kms, options, log.Log)
                : new RemoteCustody(AttestedFixture.Context, kms, Arena, options, log.Log);
        }

        internal ICustody Custody { get; }

        internal SecretArena Arena { get; } = new(256);

        internal AttestedFixture.ShiftedTime Time { get; } = new();

        internal Task ReadyAsync() => Eventually.TrueAsync(() => Custody.Status.Healthz == "ok", "Status ok");

        internal async Task<byte[]> EncryptAsync()
        {
            byte[] edek = new byte[Edek.MaxSize];
            return edek[..(await Custody.EncryptAsync(TestKeys.Of(5), edek, Cancellation)).Length];
        }

        internal async Task<int> DecryptAsync(byte[] edek) =>
            await Custody.DecryptAsync(Edek.Parse(edek).Kek, edek, new byte[Edek.MaxSize], Cancellation);

        public ValueTask DisposeAsync() => Custody.DisposeAsync();
    }
}
