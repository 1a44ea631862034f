using System.CommandLine;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Output;
using Cloister.Contracts.SecretsV1;
using Grpc.Net.Client;

namespace Cloister.Cli.Etcd.Rewrap;

/// <summary><c>cloister etcd rewrap</c>: brings what is stored under the current KEK.</summary>
internal static class RewrapCommand
{
    internal static Command Create()
    {
        EtcdConnectionOptions connection = new();
        Option<string> socket = CliOutput.Path("--secrets-socket", "the enclave's secrets socket", "--socket");
        Option<int> rate = Rate();
        Option<bool> dryRun = new("--dry-run") { Description = "do everything but writing: shows what a run would come to" };
        Option<bool> plaintext = new("--include-plaintext") { Description = "encrypt values that are in clear as well" };
        Option<bool> allowEmpty = new("--allow-empty") { Description = "no keys at all are fine" };
        Option<bool> doubles = new("--unwrap-doubles") { Description = "write values that are encrypted twice so that they are encrypted once; every value is opened in the enclave for that" };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("rewrap", "Write every Secret in etcd again under the KEK that writes use now; plaintext stays in the enclave. May be stopped and started again. Exit 0 when all are under it, 2 when not.")
        {
            socket, rate, dryRun, plaintext, allowEmpty, doubles, output,
        };
        connection.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            RewrapOptions options = new(connection.Prefix(parsed), parsed.GetValue(dryRun), parsed.GetValue(plaintext), parsed.GetValue(rate), AllowEmpty: parsed.GetValue(allowEmpty), UnwrapDoubles: parsed.GetValue(doubles));
            RewrapReport report = await RunAsync(connection.Etcd(parsed), parsed.GetValue(socket)!, options, cancellation);
            report.Print(parsed.GetValue(output));
            return report.Ok ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    internal static Option<int> Rate()
    {
        Option<int> rate = new("--rate") { Description = "writes a second at most, 0 for no limit: each wakes the watches of every API server", DefaultValueFactory = _ => 200 };
        CliOutput.Range(rate, 0, 1_000_000);
        return rate;
    }

    internal static async Task<RewrapReport> RunAsync(EtcdOptions etcd, string socket, RewrapOptions options, CancellationToken cancellation)
    {
        using GrpcChannel channel = EnclaveChannel.Open(socket);
        EnclaveSecrets enclave = new(channel);
        StatusResponse status = await enclave.StatusAsync(cancellation);
        using EtcdClient client = new(etcd);
        EtcdRewrap rewrap = new(client, enclave, options, TimeProvider.System);
        await new RewrapProgress(CliOutput.Messages, terminal: !Console.IsErrorRedirected, TimeProvider.System).RunAsync(rewrap, cancellation);
        return new RewrapReport(rewrap.Counts, options, status);
    }
}
