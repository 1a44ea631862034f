using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd.Rewrap;
using Cloister.Contracts.Etcd;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Cli.Etcd.Scan;

/// <summary>
/// Reads every key of etcd, not only those of Secrets, and says which KEKs the values name: as all of them were in one revision, and what was
/// overwritten or deleted since the last compaction.
/// </summary>
/// <param name="Etcd">etcd itself, not a gateway.</param>
/// <param name="Prefix">Keys that begin with it; empty for all.</param>
/// <param name="SecretsSocket">An enclave that can tell what is encrypted twice; null to leave that out.</param>
internal sealed record KekScan(EtcdOptions Etcd, string Prefix, string? SecretsSocket)
{
    internal async Task<KekScanReport> RunAsync(TimeProvider time, CancellationToken cancellation)
    {
        using EtcdClient client = new(Etcd);
        using GrpcChannel? channel = SecretsSocket is null ? null : EnclaveChannel.Open(SecretsSocket);
        ValueCheck? check = channel is null ? null : new ValueCheck(new EnclaveSecrets(channel));
        ByteString prefix = ByteString.CopyFromUtf8(Prefix);
        KekUses uses = new();
        DateTimeOffset started = time.GetUtcNow();
        ResponseHeader header = await client.HeaderAsync(cancellation);
        long revision = await client.PagesAsync(
            prefix,
            EtcdClient.DefaultPageSize,
            followCompaction: false,
            async (page, _) =>
            {
                IReadOnlyList<CheckedValue> answers = check is null ? CheckedValue.NotAsked(page.Count) : await check.OpenAsync(page, cancellation);
                for (int i = 0; i < page.Count; i++)
                {
                    uses.Add(page[i].Key.Span, page[i].Value.Span, page[i].ModRevision, answers[i].InnerKeyId);
                }
            },
            cancellation);
        long oldest = await client.HistoryAsync(prefix, revision, replaced => uses.AddHistory(replaced.Value.Span), cancellation);
        return new KekScanReport(uses, Prefix, header.ClusterId, header.MemberId, revision, oldest, InnerChecked: check is not null, started);
    }
}
