using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Contracts.Envelope;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>Custody attested with a broker of the test.</summary>
internal sealed class AttestedFixture : IAsyncDisposable
{
    /// <param name="broker">The broker.</param>
    /// <param name="folder">Where a sealed copy is kept, or null for none.</param>
    /// <param name="time">The clock, or null for a new one.</param>
    /// <param name="urls">Other URLs than the broker's.</param>
    /// <param name="configuration">Digest of the configuration file.</param>
    /// <param name="sealer">The platform, or null for one that always answers.</param>
    internal AttestedFixture(
        TestBroker broker, TestFolder? folder = null, ShiftedTime? time = null, Uri[]? urls = null, string? configuration = null, ISealer? sealer = null)
    {
        Time = time ?? new ShiftedTime();
        SealedLease? copy = folder is null
            ? null
            : new SealedLease(
                folder.File("lease.sealed"), Context, configuration ?? Configuration, broker.Options(), sealer ?? new KeySealer(TestKeys.Of(3)), Arena, Time);
        Custody = new AttestedCustody(Context, Session(broker, Time, urls), Arena, Time, Log.Log, copy);
    }

    private static string Configuration { get; } = new('0', 96);

    internal static EnvelopeContext Context { get; } = new(EnvelopeContext.KmsPurpose, TestBroker.Cluster, "p1");

    internal AttestedCustody Custody { get; }

    internal SecretArena Arena { get; } = new(64);

    internal CapturedLog Log { get; } = new();

    internal ShiftedTime Time { get; }

    /// <summary>A session of one life of an enclave, which has a gateway.</summary>
    internal static BrokerSession Session(TestBroker broker, TimeProvider time, Uri[]? urls = null)
    {
        BrokerOptions options = broker.Options();
        options = options with { Urls = urls ?? options.Urls };
        return new BrokerSession(options, Context, Configuration, new ReportDataEvidence(), new AttestedKey(), new BrokerClient(options), time, ECDsa.Create(ECCurve.NamedCurves.nistP256));
    }

    internal Task ReadyAsync() => Eventually.TrueAsync(() => Custody.Status.Healthz == "ok", "Status ok");

    internal async Task<byte[]> EncryptAsync()
    {
        byte[] edek = new byte[Edek.MaxSize];
        EncryptResult result = await Custody.EncryptAsync(new byte[32], edek, TestContext.Current.CancellationToken);
        return edek[..result.Length];
    }

    internal async Task<int> DecryptAsync(byte[] edek) =>
        await Custody.DecryptAsync(Edek.Parse(edek).Kek, edek, new byte[Edek.MaxSize], TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await Custody.DisposeAsync();
        Assert.Equal(0, Arena.InUse);
    }

    /// <summary>A clock that a test sets forward, and a host's clock that it steps either way; timers go as they do.</summary>
    internal sealed class ShiftedTime : TimeProvider
    {
        private long _shift;
        private long _hostStep;

        internal void Forward(TimeSpan by)
        {
            Interlocked.Add(ref _shift, (long)(by.TotalSeconds * TimestampFrequency));
            StepHost(by);
        }

        internal void StepHost(TimeSpan by) => Interlocked.Add(ref _hostStep, by.Ticks);

        public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _shift);

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddTicks(Interlocked.Read(ref _hostStep));
    }

    /// <summary>Evidence that is the report data itself.</summary>
    internal sealed class ReportDataEvidence : IEvidenceSource
    {
        public string Tee => "sample";

        public ValueTask<JsonElement> GetAsync(ReadOnlyMemory<byte> reportData, CancellationToken cancellation) =>
            ValueTask.FromResult(JsonDocument.Parse($$"""{"data":"{{Convert.ToBase64String(reportData.Span)}}"}""").RootElement);
    }
}
