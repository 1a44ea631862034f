using System.CommandLine;
using System.Security.Cryptography;
using Cloister.Cli.Administration;
using Cloister.Cli.Etcd.Rewrap;
using Cloister.Cli.Etcd.Scan;
using Cloister.Cli.Kek;
using Cloister.Cli.Operators;
using Cloister.Cli.Output;

namespace Cloister.Cli.Etcd.Rotate;

/// <summary><c>cloister etcd rotate</c>: a new KEK version, and everything in etcd under it.</summary>
internal static class RotateCommand
{
    // An API server writes with a seed for three minutes after Status last confirmed its key_id, which it asks for once a minute.
    private const int SeedLife = 250;

    internal static Command Create()
    {
        EtcdConnectionOptions connection = new();
        Option<string[]> sockets = Many("--socket", "KMS socket of a node; repeat for every node", required: false);
        Option<string[]> secretsSockets = Many("--secrets-socket", "secrets socket of one of them; for a KEK of namespaces, repeat for every node in place of --socket", required: true);
        Option<string[]> admins = Many("--admin-socket", "custody manual: admin socket of a node; repeat for every node", required: false);
        Option<string> name = new("--name") { Description = "custody manual and attested: name of the KEK" };
        Option<uint> version = new("--version") { Description = "custody manual: version of the KEK on standard input, 32 bytes or 64 hexadecimal digits" };
        Option<string?> operatorKey = OperatorOptions.Key();
        Option<bool> create = new("--create") { Description = "custody manual, one node: the enclave makes the KEK, nobody has a copy" };
        Option<string?> context = new("--context") { Description = "custody attested: JSON file with the broker that makes the version, as for 'cloister kek'" };
        Option<int> notice = new("--active-in") { Description = "custody attested: seconds that nodes have to fetch the version before writes use it", DefaultValueFactory = _ => 60 };
        CliOutput.Range(notice, 0, 86_400);
        Option<bool> rotated = new("--rotated") { Description = "the new version is there: a broker or a remote KMS made it" };
        Option<int> settle = new("--settle") { Description = "seconds for API servers with a KMS v2 provider to ask for the new key_id: they do once a minute. 0 when all write through the enclave", DefaultValueFactory = _ => 90 };
        Option<int> wait = new("--wait") { Description = "seconds that nodes, and values that are still written with the old KEK, may take", DefaultValueFactory = _ => 600 };
        CliOutput.Range(settle, 0, 86_400);
        CliOutput.Range(wait, 0, 86_400);
        Option<int> rate = RewrapCommand.Rate();
        Option<string> retire = new("--retire") { Description = "key_id of the old version: remove it from every node once two scans of all of etcd found nothing that needs it. Backups that need it cannot be read afterwards" };
        Option<string?> plan = new("--plan") { Description = "with --retire: the hash of the plan that 'cloister etcd rotation status --retire' showed; with another one nothing is retired" };
        Option<string> scanPrefix = KekRemovalOptions.ScanPrefix();
        Option<int?> confirm = new("--confirm") { Description = $"seconds between the two scans before the old version is retired; {SeedLife} unless said, 0 with --settle 0" };
        confirm.Validators.Add(result =>
        {
            if (result.Tokens is [{ } token] && int.TryParse(token.Value, System.Globalization.CultureInfo.InvariantCulture, out int seconds) && seconds is < 0 or > 86_400)
            {
                result.AddError("--confirm is a number from 0 to 86400");
            }
        });
        Option<bool> allowEmpty = new("--allow-empty") { Description = "no keys under the prefix are fine" };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("rotate", "New KEK version, wait until every node writes with it, rewrap etcd, prove that nothing is left under another one. Exit 2 when something is.")
        {
            sockets, secretsSockets, admins, name, version, operatorKey, create, context, notice, rotated, settle, wait, rate, retire, plan, scanPrefix, confirm, allowEmpty, output,
        };
        connection.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            EtcdRotation steps = new(
                connection.Etcd(parsed),
                parsed.GetValue(name),
                parsed.GetValue(secretsSockets)!,
                parsed.GetValue(sockets)!,
                new RewrapOptions(connection.Prefix(parsed), Rate: parsed.GetValue(rate), AllowEmpty: parsed.GetValue(allowEmpty)),
                TimeSpan.FromSeconds(parsed.GetValue(settle)),
                TimeSpan.FromSeconds(parsed.GetValue(wait)),
                parsed.GetValue(retire),
                parsed.GetValue(scanPrefix)!,
                TimeSpan.FromSeconds(parsed.GetValue(confirm) ?? (parsed.GetValue(settle) == 0 ? 0 : SeedLife)))
            {
                Plan = parsed.GetValue(plan),
            };
            if (steps.Plan is not null && steps.Retire is null)
            {
                throw new CliException("--plan goes with --retire");
            }

            byte[]? key = null;
            try
            {
                RotationSource source = new(
                    parsed.GetValue(admins)!, parsed.GetValue(name), parsed.GetValue(version), parsed.GetValue(create), parsed.GetValue(rotated),
                    parsed.GetValue(context), TimeSpan.FromSeconds(parsed.GetValue(notice)), parsed.GetValue(operatorKey));
                source.Check(steps.Retire is not null);
                key = source.NeedsKey ? KekInput.Read(Console.OpenStandardInput()) : null;
                using BrokerSession? broker = source.Context is { } file ? BrokerOptions.Open(file) : null;
                RotateReport report = await steps.RunAsync(source.Make(key, broker?.Client), cancellation);
                report.Print(parsed.GetValue(output));
                return report.Ok ? ExitCode.Done : ExitCode.No;
            }
            finally
            {
                CryptographicOperations.ZeroMemory(key);
            }
        });
        return command;
    }

    private static Option<string[]> Many(string name, string description, bool required) =>
        required ? new(name) { Description = description, Required = true } : new(name) { Description = description, DefaultValueFactory = _ => [] };
}
