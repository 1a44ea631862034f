using Cloister.Contracts.Etcd;

namespace Cloister.Cli.Etcd;

/// <summary>Cuts pages of etcd into what fits into one message of the enclave.</summary>
internal static class ValueBatches
{
    // A message of the enclave has at most 4 MiB and 1000 items; one value has at most 1.5 MiB, and grows by less than 2 KiB.
    private const int MaxBytes = 2 * 1024 * 1024;
    private const int MaxItems = 200;

    /// <summary>The same values in the same order; no batch is empty.</summary>
    internal static IEnumerable<List<KeyValue>> Of(IEnumerable<KeyValue> page)
    {
        List<KeyValue> batch = [];
        long size = 0;
        foreach (KeyValue value in page)
        {
            if (batch.Count == MaxItems || (batch.Count > 0 && size + value.Value.Length > MaxBytes))
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
}
