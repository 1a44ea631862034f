using System.Text.Json;
using Cloister.Contracts.Envelope;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>Custody attested with a broker of the test.</summary>
internal sealed class AttestedFixture : IAsyncDisposable
{
    internal AttestedFixture(TestBroker broker)
    {
        Custody = new AttestedCustody(Context, Session(broker, Time), Arena, Time, Log.Log);
    }

    internal static EnvelopeContext Context { get; } = new(EnvelopeContext.KmsPurpose, TestBroker.Cluster, "p1");

    internal AttestedCustody Custody { get; }

    internal SecretArena Arena { get; } = new(64);

    internal CapturedLog Log { get; } = new();

    internal ShiftedTime Time { get; } = new();

    /// <summary>A session of one life of an enclave.</summary>
    internal static BrokerSession Session(TestBroker broker, TimeProvider time)
    {
        BrokerOptions options = broker.Options();
        return new BrokerSession(options, Context, new string('0', 96), new ReportDataEvidence(), new AttestedKey(), new BrokerClient(options), time);
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

    /// <summary>A clock that a test sets forward; timers go as they do.</summary>
    internal sealed class ShiftedTime : TimeProvider
    {
        private long _shift;

        internal void Forward(TimeSpan by) => Interlocked.Add(ref _shift, (long)(by.TotalSeconds * TimestampFrequency));

        public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _shift);
    }

    private sealed class ReportDataEvidence : IEvidenceSource
    {
        public string Tee => "sample";

        public ValueTask<JsonElement> GetAsync(ReadOnlyMemory<byte> reportData, CancellationToken cancellation) =>
            ValueTask.FromResult(JsonDocument.Parse($$"""{"data":"{{Convert.ToBase64String(reportData.Span)}}"}""").RootElement);
    }
}
