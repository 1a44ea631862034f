using Cloister.Contracts.Etcd;
using Cloister.Contracts.SecretsV1;
using Google.Protobuf;

namespace Cloister.Cli.Etcd.Rewrap;

/// <summary>
/// Brings every value under a prefix under the KEK that writes of its namespace use now. What is current already is not touched, so a run that was
/// stopped is simply started again. Whoever else writes wins: a value is replaced only as long as it is the one that was read.
/// secrets: values in clear pass through when they are to be encrypted; nothing is decrypted here.
/// </summary>
internal sealed class EtcdRewrap
{
    // A message of the enclave has at most 4 MiB and 1000 items; one value has at most 1.5 MiB, and grows by less than 2 KiB.
    private const int BatchBytes = 2 * 1024 * 1024;
    private const int BatchItems = 200;
    private const int Attempts = 10;

    private readonly EtcdClient _etcd;
    private readonly EnclaveSecrets _enclave;
    private readonly RewrapOptions _options;
    private readonly WriteRate _rate;

    internal EtcdRewrap(EtcdClient etcd, EnclaveSecrets enclave, RewrapOptions options, TimeProvider time)
    {
        _etcd = etcd;
        _enclave = enclave;
        _options = options;
        _rate = new WriteRate(options.Rate, time);
    }

    /// <summary>Counts so far, for progress.</summary>
    internal RewrapCounts Counts { get; } = new();

    /// <param name="progress">Called after each batch.</param>
    /// <param name="cancellation">Ends it between two writes.</param>
    internal Task RunAsync(Action progress, CancellationToken cancellation) => _etcd.PagesAsync(
        ByteString.CopyFromUtf8(_options.Prefix),
        _options.PageSize,
        followCompaction: true,
        async page =>
        {
            foreach (List<KeyValue> batch in Batches(page))
            {
                await BatchAsync(batch, cancellation);
                progress();
            }
        },
        cancellation);

    private static IEnumerable<List<KeyValue>> Batches(IEnumerable<KeyValue> page)
    {
        List<KeyValue> batch = [];
        long size = 0;
        foreach (KeyValue value in page)
        {
            if (batch.Count == BatchItems || (batch.Count > 0 && size + value.Value.Length > BatchBytes))
            {
                yield return batch;
                (batch, size) = ([], 0);
            }

            batch.Add(value);
            size += value.Value.Length + value.Key.Length;
        }

        if (batch.Count > 0)
        {
            yield return batch;
        }
    }

    private async Task BatchAsync(List<KeyValue> values, CancellationToken cancellation)
    {
        IReadOnlyList<RewrapResponse> answers = await _enclave.RewrapAsync(values, cancellation);
        for (int i = 0; i < values.Count; i++)
        {
            await WriteAsync(values[i], answers[i], cancellation);
        }
    }

    private async Task WriteAsync(KeyValue value, RewrapResponse answer, CancellationToken cancellation)
    {
        string key = value.Key.ToStringUtf8();
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            bool inClear = answer.Outcome == Outcome.Foreign && IsPlaintext(value.Value.Span);
            if (answer.Outcome != Outcome.Done && !(inClear && _options.IncludePlaintext))
            {
                Count(key, answer.Outcome, inClear);
                return;
            }

            ByteString stored = inClear ? await _enclave.EncryptAsync(value, cancellation) : answer.Stored;
            (bool done, KeyValue? now) = await ReplaceAsync(value, stored, cancellation);
            if (done)
            {
                (Counts.Encrypted, Counts.Rewrapped) = inClear ? (Counts.Encrypted + 1, Counts.Rewrapped) : (Counts.Encrypted, Counts.Rewrapped + 1);
                return;
            }

            if (now is null)
            {
                Counts.Gone++;
                return;
            }

            Counts.Retries++;
            value = now;
            answer = (await _enclave.RewrapAsync([value], cancellation))[0];
        }

        Counts.AddContended(key);
    }

    private async Task<(bool Done, KeyValue? Now)> ReplaceAsync(KeyValue value, ByteString stored, CancellationToken cancellation)
    {
        if (_options.DryRun)
        {
            return (true, null);
        }

        await _rate.WaitAsync(cancellation);
        return await _etcd.ReplaceAsync(value, stored, cancellation);
    }

    private void Count(string key, Outcome outcome, bool inClear)
    {
        switch (outcome)
        {
            case Outcome.Unchanged:
                Counts.Current++;
                break;
            case Outcome.Foreign when inClear:
                Counts.AddPlaintext(key);
                break;
            case Outcome.Foreign:
                Counts.AddForeign(key);
                break;
            case Outcome.Undecryptable:
                Counts.AddUndecryptable(key);
                break;
            case Outcome.NoKek:
                Counts.AddNoKek(key);
                break;
            default:
                throw new CliException("the enclave gave an answer that this program does not know: check that both are of one version");
        }
    }

    private static bool IsPlaintext(ReadOnlySpan<byte> value) =>
        StorageClassifier.Classify(value).Kind is StorageKind.PlaintextProtobuf or StorageKind.PlaintextJson;
}
