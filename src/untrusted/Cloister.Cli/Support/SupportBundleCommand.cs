using System.CommandLine;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd;
using Cloister.Cli.Output;
using Cloister.Contracts.EnclaveAdmin;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Support;

/// <summary><c>cloister support-bundle</c>: what somebody else needs to see, in one file that may be given away. What may go in is a list: <see cref="SupportFacts"/>.</summary>
internal static class SupportBundleCommand
{
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    internal static Command Create()
    {
        Option<string> file = CliOutput.Path("--out", "file to make, .tar.gz; it must not be there");
        Option<string[]> admins = new("--admin-socket") { Description = "an enclave's admin socket; may be repeated" };
        Option<string[]> encryption = new("--encryption-config") { Description = "an API server's EncryptionConfiguration; may be repeated" };
        Option<string[]> configurations = new("--config") { Description = "an enclave's configuration; may be repeated" };
        EtcdConnectionOptions etcd = EtcdConnectionOptions.ForScan();
        Option<string> prefix = new("--prefix") { Description = "with --endpoints: keys of Secrets", DefaultValueFactory = _ => "/registry/secrets/" };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("support-bundle", "Write what somebody else needs to see into one file. Numbers, words of a fixed list and hashes of names go in; no text of a source does: no key, no Secret, no name, no log.")
        {
            file, admins, encryption, configurations, prefix, output,
        };
        etcd.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            List<(string Name, JsonNode Facts)> parts = [("machine.json", SupportFacts.Machine())];
            foreach ((int i, string socket) in (parsed.GetValue(admins) ?? []).Index())
            {
                parts.Add(($"enclave-{i}.json", SupportFacts.Enclave(await StateAsync(socket, cancellation))));
            }

            foreach ((int i, string path) in (parsed.GetValue(encryption) ?? []).Index())
            {
                parts.Add(($"encryption-{i}.json", SupportFacts.Encryption(await File.ReadAllTextAsync(path, cancellation))));
            }

            foreach ((int i, string path) in (parsed.GetValue(configurations) ?? []).Index())
            {
                parts.Add(($"configuration-{i}.json", SupportFacts.Configuration(await File.ReadAllBytesAsync(path, cancellation))));
            }

            if (etcd.IsGiven(parsed))
            {
                Coverage coverage = new(new CoverageRules(Requirement.Encrypted, null, null), maxOffenders: 0);
                await CoverageCommand.ReadAsync(etcd.Etcd(parsed), parsed.GetValue(prefix)!, scanPrefix: null, coverage, check: null, allowEmpty: true, cancellation);
                parts.Add(("etcd.json", SupportFacts.Stored(coverage)));
            }

            Write(parsed.GetValue(file)!, parts);
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject { ["file"] = parsed.GetValue(file), ["parts"] = new JsonArray([.. parts.Select(part => (JsonNode)part.Name)]) });
            }
            else
            {
                Console.Out.WriteLine($"{parsed.GetValue(file)}: {string.Join(", ", parts.Select(part => part.Name))}; names are hashed, look at it before you send it: tar -xzOf {parsed.GetValue(file)}");
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static async Task<EnclaveState?> StateAsync(string socket, CancellationToken cancellation)
    {
        try
        {
            using GrpcChannel channel = EnclaveChannel.Open(socket);
            return await new Admin.AdminClient(channel).GetStateAsync(new GetStateRequest(), deadline: DateTime.UtcNow + Timeout, cancellationToken: cancellation);
        }
        catch (Exception e) when (e is RpcException or CliException && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private static void Write(string path, List<(string Name, JsonNode Facts)> parts)
    {
        using FileStream stream = new(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OnlyOwner });
        using GZipStream zip = new(stream, CompressionLevel.Optimal);
        using TarWriter tar = new(zip, TarEntryFormat.Ustar);
        foreach ((string name, JsonNode facts) in parts)
        {
            using MemoryStream content = new(Encoding.UTF8.GetBytes(CliOutput.Text(facts) + "\n"));
            tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, $"cloister-support/{name}") { DataStream = content, Mode = OnlyOwner });
        }
    }
}
