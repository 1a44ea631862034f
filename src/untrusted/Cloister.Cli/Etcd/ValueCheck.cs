using Cloister.Cli.Etcd.Rewrap;
using Cloister.Contracts.Etcd;
using Cloister.Contracts.SecretsV1;

namespace Cloister.Cli.Etcd;

/// <summary>What an enclave says of a value.</summary>
/// <param name="Opens">Whether it opens; null when the enclave was not asked or cannot tell.</param>
/// <param name="Inner">The prefix of what is inside when that is encrypted once more, such as <c>k8s:enc:kms:v2:tee:</c>; else empty.</param>
/// <param name="InnerKeyId">The key_id of the KEK that the inner envelope names, when it is Cloister's; else empty.</param>
internal sealed record CheckedValue(bool? Opens, string Inner = "", string InnerKeyId = "")
{
    private static readonly CheckedValue Unknown = new(Opens: null);

    /// <summary>Of so many values, nothing.</summary>
    internal static CheckedValue[] NotAsked(int count)
    {
        CheckedValue[] values = new CheckedValue[count];
        Array.Fill(values, Unknown);
        return values;
    }
}

/// <summary>Has the enclave try which values open. Values in clear are not sent. secrets: none comes back.</summary>
internal sealed class ValueCheck(EnclaveSecrets enclave)
{
    /// <summary>For each value of a page whether it opens, as far as it is one of the enclave's provider.</summary>
    internal async Task<IReadOnlyList<CheckedValue>> OpenAsync(IReadOnlyList<KeyValue> page, CancellationToken cancellation)
    {
        CheckedValue[] answers = CheckedValue.NotAsked(page.Count);
        int[] asked = [.. Enumerable.Range(0, page.Count).Where(i => IsAsked(page[i]))];
        int next = 0;
        foreach (List<KeyValue> batch in ValueBatches.Of(asked.Select(i => page[i])))
        {
            foreach (CheckItem item in await enclave.CheckAsync(batch, cancellation))
            {
                answers[asked[next++]] = new CheckedValue(
                    item.Outcome switch
                    {
                        Outcome.Done => true,
                        Outcome.Undecryptable => false,
                        Outcome.Foreign => null,
                        _ => throw new CliException("the enclave gave an answer that this program does not know: check that both are of one version"),
                    },
                    item.Inner,
                    item.InnerKeyId);
            }
        }

        return answers;
    }

    // A malformed value may be one of the enclave's provider, which then says that it does not open.
    private static bool IsAsked(KeyValue value) =>
        StorageClassifier.Classify(value.Value.Span).Kind is StorageKind.KmsV2 or StorageKind.Malformed && !value.Value.IsEmpty;
}
