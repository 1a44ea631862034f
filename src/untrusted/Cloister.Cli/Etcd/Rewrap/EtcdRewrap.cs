using System.Text;
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

    /// <summary>Keys there are in all, as etcd says; 0 until it has said so.</summary>
    internal long Total { get; private set; }

    /// <param name="progress">Called after each key.</param>
    /// <param name="cancellation">Ends it between two writes.</param>
    internal Task RunAsync(Action progress, CancellationToken cancellation) => _etcd.PagesAsync(
        ByteString.CopyFromUtf8(_options.Prefix),
        _options.PageSize,
        followCompaction: true,
        async (page, total) =>
        {
            Total = total;
            foreach (List<KeyValue> batch in ValueBatches.Of(page))
            {
                await BatchAsync(batch, progress, cancellation);
            }
        },
        cancellation);

    private async Task BatchAsync(List<KeyValue> values, Action progress, CancellationToken cancellation)
    {
        IReadOnlyList<RewrapResponse> answers = await RewrapAsync(values, cancellation);
        for (int i = 0; i < values.Count; i++)
        {
            await WriteAsync(values[i], answers[i], cancellation);
            progress();
        }
    }

    // "Current" says which key_id stands beside a value, and nothing was decrypted: whether it opens under its key has to be asked.
    private async Task<IReadOnlyList<RewrapResponse>> RewrapAsync(List<KeyValue> values, CancellationToken cancellation)
    {
        IReadOnlyList<RewrapResponse> answers = await _enclave.RewrapAsync(values, _options.UnwrapDoubles, cancellation);
        int[] current = [.. Enumerable.Range(0, values.Count).Where(i => answers[i].Outcome == Outcome.Unchanged)];
        if (current.Length > 0)
        {
            IReadOnlyList<CheckItem> checks = await _enclave.CheckAsync(current.Select(i => values[i]), cancellation);
            for (int i = 0; i < current.Length; i++)
            {
                answers[current[i]].Outcome = checks[i].Outcome != Outcome.Done ? checks[i].Outcome
                    : IsDouble(values[current[i]].Value.Span, checks[i].Inner) ? Outcome.EncryptedTwice : Outcome.Unchanged;
            }
        }

        return answers;
    }

    // What it holds is of the same provider, in either of its forms.
    private static bool IsDouble(ReadOnlySpan<byte> outer, string inner) =>
        inner.StartsWith("k8s:enc:kms:", StringComparison.Ordinal) && outer.StartsWith(Encoding.UTF8.GetBytes(inner.Replace(":kms:v1:", ":kms:v2:", StringComparison.Ordinal)));

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

            // Whoever wrote it after all nodes had come over did not write with the KEK that they say.
            bool late = !inClear && value.ModRevision > _options.ConvergedAt;
            ByteString stored = inClear ? await _enclave.EncryptAsync(value, cancellation) : answer.Stored;
            (bool done, KeyValue? now) = await ReplaceAsync(value, stored, cancellation);
            if (done)
            {
                Counts.Late += late ? 1 : 0;
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
            answer = (await RewrapAsync([value], cancellation))[0];
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
            case Outcome.EncryptedTwice:
                Counts.AddDouble(key);
                break;
            default:
                throw new CliException("the enclave gave an answer that this program does not know: check that both are of one version");
        }
    }

    private static bool IsPlaintext(ReadOnlySpan<byte> value) =>
        StorageClassifier.Classify(value).Kind is StorageKind.PlaintextProtobuf or StorageKind.PlaintextJson;
}
