using System.CommandLine;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd.Rewrap;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Cli.Etcd;

/// <summary><c>cloister etcd coverage</c>: which Secrets are stored how.</summary>
internal static class CoverageCommand
{
    internal static Command Create()
    {
        EtcdConnectionOptions connection = new();
        CoverageOptions options = new();
        Command command = new("coverage", "Show how every Secret in etcd is stored: in clear, by which provider, with which key, and with --verify whether it opens. Exit 0 when the requirement holds for all, 2 when not.");
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
            CoverageReport report = await ReadAsync(etcd, prefix, coverage, check, request.AllowEmpty, cancellation) with { Names = names };
            report.Print(request.Output);
            return report.Ok ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    /// <param name="options">etcd.</param>
    /// <param name="prefix">Keys that begin with it.</param>
    /// <param name="coverage">Counts them.</param>
    /// <param name="check">Tells whether values open; null to leave that out.</param>
    /// <param name="allowEmpty">No keys at all are fine.</param>
    /// <param name="cancellation">Ends it.</param>
    internal static async Task<CoverageReport> ReadAsync(
        EtcdOptions options, string prefix, Coverage coverage, ValueCheck? check, bool allowEmpty, CancellationToken cancellation)
    {
        using EtcdClient client = new(options);
        string version = await client.VersionAsync(cancellation);
        long revision = await client.PagesAsync(
            ByteString.CopyFromUtf8(prefix),
            EtcdClient.DefaultPageSize,
            followCompaction: false,
            async (page, _) =>
            {
                bool?[] opens = check is null ? new bool?[page.Count] : await check.OpenAsync(page, cancellation);
                for (int i = 0; i < page.Count; i++)
                {
                    coverage.Add(page[i].Key.Span, page[i].Value.Span, opens[i]);
                }
            },
            cancellation);
        return new CoverageReport(coverage, prefix, version, revision, allowEmpty);
    }
}
