using System.CommandLine;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd.Rewrap;
using Cloister.Cli.Etcd.Scan;
using Cloister.Contracts.Etcd;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Cli.Etcd;

/// <summary><c>cloister etcd coverage</c>: which Secrets are stored how, and which KEKs anything in etcd needs.</summary>
internal static class CoverageCommand
{
    internal static Command Create()
    {
        EtcdConnectionOptions connection = new();
        CoverageOptions options = new();
        Command command = new("coverage", "Show how every Secret in etcd is stored: in clear, by which provider, with which key, and with --verify whether it opens; and which KEKs any value of etcd needs. Exit 0 when the requirement holds for all, 2 when not.");
        options.AddTo(command);
        connection.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            EtcdOptions etcd = connection.Etcd(parsed);
            string prefix = connection.Prefix(parsed);
            CoverageRequest request = options.Read(parsed);
            KekNames? names = await request.NamesAsync(cancellation);
            Coverage coverage = new(new CoverageRules(request.Require, request.Provider, await request.CurrentAsync(cancellation), request.Verify), request.List);
            using GrpcChannel? channel = request.Verify ? EnclaveChannel.Open(request.SecretsSocket!) : null;
            ValueCheck? check = channel is null ? null : new ValueCheck(new EnclaveSecrets(channel));
            CoverageReport report = await ReadAsync(etcd, prefix, options.ScanPrefix(parsed, prefix), coverage, check, request.AllowEmpty, cancellation) with { Names = names };
            report.Print(request.Output);
            return report.Ok ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    /// <param name="options">etcd.</param>
    /// <param name="prefix">Keys that begin with it.</param>
    /// <param name="scanPrefix">Keys that are looked at besides: which KEKs they name, and what of them is a Secret in clear; null for none.</param>
    /// <param name="coverage">Counts them.</param>
    /// <param name="check">Tells whether values open; null to leave that out.</param>
    /// <param name="allowEmpty">No keys at all are fine.</param>
    /// <param name="cancellation">Ends it.</param>
    internal static async Task<CoverageReport> ReadAsync(
        EtcdOptions options, string prefix, string? scanPrefix, Coverage coverage, ValueCheck? check, bool allowEmpty, CancellationToken cancellation)
    {
        DateTimeOffset started = TimeProvider.System.GetUtcNow();
        ByteString covered = ByteString.CopyFromUtf8(prefix);
        ByteString read = scanPrefix is null ? covered : ByteString.CopyFromUtf8(scanPrefix);
        KekUses uses = new();
        OutsideCoverage outside = new();
        using EtcdClient client = new(options);
        string version = await client.VersionAsync(cancellation);
        ResponseHeader header = await client.HeaderAsync(cancellation);
        long revision = await client.PagesAsync(
            read,
            EtcdClient.DefaultPageSize,
            followCompaction: false,
            async (page, _) =>
            {
                IReadOnlyList<CheckedValue> answers = check is null ? CheckedValue.NotAsked(page.Count) : await check.OpenAsync(page, cancellation);
                for (int i = 0; i < page.Count; i++)
                {
                    (ByteString key, ByteString value) = (page[i].Key, page[i].Value);
                    uses.Add(key.Span, value.Span, page[i].ModRevision, answers[i].InnerKeyId);
                    if (key.Span.StartsWith(covered.Span))
                    {
                        coverage.Add(key.Span, value.Span, answers[i]);
                    }
                    else
                    {
                        outside.Add(key.Span, value.Span, answers[i]);
                    }
                }
            },
            cancellation);
        if (scanPrefix is null)
        {
            return new CoverageReport(coverage, prefix, version, revision, allowEmpty);
        }

        long oldest = await client.HistoryAsync(read, revision, replaced => uses.AddHistory(replaced.Value.Span), cancellation);
        KekScanReport scan = new(uses, scanPrefix, header.ClusterId, header.MemberId, revision, oldest, check is not null, started);
        return new CoverageReport(coverage, prefix, version, revision, allowEmpty) { Scan = scan, Outside = outside };
    }
}
