using Cloister.Cli.Etcd.Rewrap;
using Cloister.Contracts.Etcd;
using Cloister.Contracts.SecretsV1;

namespace Cloister.Cli.Etcd;

/// <summary>Has the enclave try which values open. Values in clear are not sent. secrets: none comes back.</summary>
internal sealed class ValueCheck(EnclaveSecrets enclave)
{
    /// <summary>For each value of a page whether it opens; null when it is not one of the enclave's provider, which cannot tell then.</summary>
    internal async Task<bool?[]> OpenAsync(IReadOnlyList<KeyValue> page, CancellationToken cancellation)
    {
        bool?[] opens = new bool?[page.Count];
        int[] asked = [.. Enumerable.Range(0, page.Count).Where(i => IsAsked(page[i]))];
        int next = 0;
        foreach (List<KeyValue> batch in ValueBatches.Of(asked.Select(i => page[i])))
        {
            foreach (CheckItem item in await enclave.CheckAsync(batch, cancellation))
            {
                opens[asked[next++]] = item.Outcome switch
                {
                    Outcome.Done => true,
                    Outcome.Undecryptable => false,
                    Outcome.Foreign => null,
                    _ => throw new CliException("the enclave gave an answer that this program does not know: check that both are of one version"),
                };
            }
        }

        return opens;
    }

    // A malformed value may be one of the enclave's provider, which then says that it does not open.
    private static bool IsAsked(KeyValue value) =>
        StorageClassifier.Classify(value.Value.Span).Kind is StorageKind.KmsV2 or StorageKind.Malformed && !value.Value.IsEmpty;
}
