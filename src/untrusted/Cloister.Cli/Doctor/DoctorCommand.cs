using System.CommandLine;
using System.Text.Json.Nodes;
using Cloister.Cli.Config;
using Cloister.Cli.Etcd;
using Cloister.Cli.Output;

namespace Cloister.Cli.Doctor;

/// <summary><c>cloister doctor</c>: what is wrong with an installation, and what to do about it.</summary>
internal static class DoctorCommand
{
    internal static Command Create()
    {
        DoctorOptions options = new();
        Command command = new(
            "doctor",
            "Look over an installation, with what packages put where as default: machine, TEE, units, configuration, sockets, KMS, API server, gateway, broker, etcd, backups. "
            + "Each finding names its fix. Exit 0 without errors, 2 with.");
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            IReadOnlyList<Check> checks = DoctorRun.Select(options.Only(parsed), options.Skip(parsed));
            if (parsed.GetValue(options.List))
            {
                Print(checks, options.Format(parsed));
                return ExitCode.Done;
            }

            DoctorScope scope = new(options.Settings(parsed));
            IReadOnlyList<CheckResult> results = await DoctorRun.RunAsync(checks, scope, DoctorRun.Limit, cancellation);
            await PrintAsync(results, scope, options.Format(parsed), parsed.GetValue(options.JUnitFile), cancellation);
            return results.Any(result => result.Finding.State == CheckState.Error) ? ExitCode.No : ExitCode.Done;
        });
        return command;
    }

    private static async Task PrintAsync(IReadOnlyList<CheckResult> results, DoctorScope scope, DoctorFormat format, string? junitFile, CancellationToken cancellation)
    {
        if (junitFile is not null)
        {
            await File.WriteAllTextAsync(junitFile, DoctorReport.JUnit(results), cancellation);
        }

        switch (format)
        {
            case DoctorFormat.Json:
                CliOutput.Json(DoctorReport.Json(results, await NodeFacts.OfAsync(scope)));
                break;
            case DoctorFormat.JUnit:
                Console.Out.Write(DoctorReport.JUnit(results));
                break;
            default:
                DoctorReport.Table(results);
                break;
        }
    }

    private static void Print(IReadOnlyList<Check> checks, DoctorFormat format)
    {
        if (format == DoctorFormat.Json)
        {
            CliOutput.Json(new JsonArray([.. checks.Select(check => (JsonNode)new JsonObject
            {
                ["id"] = check.Id, ["phase"] = DoctorReport.Name(check.Phase), ["title"] = check.Title, ["document"] = check.Document,
            })]));
            return;
        }

        CliOutput.Table(["check", "phase", "ok when", "document"], checks.Select(check => (IReadOnlyList<string>)[check.Id, DoctorReport.Name(check.Phase), check.Title, check.Document]));
    }
}

/// <summary>How doctor prints its answer.</summary>
internal enum DoctorFormat
{
    /// <summary>A table, for people.</summary>
    Table,

    /// <summary>One JSON document.</summary>
    Json,

    /// <summary>JUnit's XML, for CI systems.</summary>
    JUnit,
}

/// <summary>The options of <c>cloister doctor</c>.</summary>
internal sealed class DoctorOptions
{
    private readonly Argument<string[]> _phases = new("PHASE") { Description = "preflight (machine and files), node (what runs here), cluster (all nodes, broker, etcd, backups); all when none is given", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string[]> _only = new("--only") { Description = "run these checks, groups (what stands before the first hyphen) or phases alone; may be repeated" };
    private readonly Option<string[]> _skip = new("--skip") { Description = "leave these checks, groups or phases out; may be repeated" };
    private readonly Option<string[]> _sockets = new("--socket") { Description = $"a KMS socket; repeat it for several enclaves of one cluster; default: as the configuration says, or {DoctorSettings.DefaultKmsSocket}" };
    private readonly Option<string[]> _admins = new("--admin-socket") { Description = $"an enclave's admin socket; may be repeated; without --socket the default is as the configuration says, or {DoctorSettings.DefaultAdminSocket}" };
    private readonly Option<string?> _secrets = new("--secrets-socket") { Description = "the enclave's secrets socket, which tells whether values of etcd open" };
    private readonly Option<string?> _configuration = new("--config") { Description = $"the enclave's configuration; default: {DoctorSettings.DefaultConfiguration}" };
    private readonly Option<string?> _digest = new("--config-digest") { Description = "digest that it has to have, SHA-384 or SHA-256 in hex" };
    private readonly Option<string?> _encryption = new("--encryption-config") { Description = "the API server's EncryptionConfiguration; default: as its manifest says" };
    private readonly Option<string?> _apiServer = new("--apiserver") { Description = $"the API server's static pod, or kubeadm's ConfigMap or ClusterConfiguration, YAML; default: {DoctorSettings.DefaultApiServer}" };
    private readonly Option<string?> _provider = new("--provider-name") { Description = "name that the provider should have; an enclave's admin socket says it" };
    private readonly Option<bool> _reload = EncryptionConfigurationOptions.Reload();
    private readonly Option<bool> _kmsV1 = EncryptionConfigurationOptions.KmsV1();
    private readonly Option<string[]> _nodes = new("--node") { Description = "file with what 'cloister doctor -o json' printed on another node; may be repeated" };
    private readonly Option<string?> _broker = new("--context") { Description = "context file of an administrator, for what the broker knows" };
    private readonly EtcdConnectionOptions _etcd = EtcdConnectionOptions.ForScan();
    private readonly Option<DoctorFormat> _output = new("--output", "-o") { Description = "table (default), json or junit" };

    internal Option<bool> List { get; } = new("--list") { Description = "print the checks, and run none" };

    internal Option<string?> JUnitFile { get; } = new("--junit") { Description = "file to write JUnit's XML to, besides what is printed" };

    internal void AddTo(Command command)
    {
        command.Arguments.Add(_phases);
        _phases.Validators.Add(result =>
        {
            foreach (string phase in result.Tokens.Select(token => token.Value).Where(value => !value.StartsWith("--", StringComparison.Ordinal) && !CommandLineErrors.Values(typeof(DoctorPhase)).Contains(value)))
            {
                result.AddError($"'{CliOutput.Shown(phase)}' is no phase: {string.Join(", ", CommandLineErrors.Values(typeof(DoctorPhase)))}");
            }
        });
        foreach (Option option in (IEnumerable<Option>)
        [
            _only, _skip, List, _sockets, _admins, _secrets, _configuration, _digest, _encryption, _apiServer, _provider, _reload, _kmsV1, _nodes, _broker, .. _etcd.All, JUnitFile, _output,
        ])
        {
            command.Options.Add(option);
        }
    }

    internal IReadOnlyList<string> Only(ParseResult parsed) => [.. parsed.GetValue(_phases) ?? [], .. Split(parsed.GetValue(_only))];

    internal IReadOnlyList<string> Skip(ParseResult parsed) => Split(parsed.GetValue(_skip));

    internal DoctorFormat Format(ParseResult parsed) => parsed.GetValue(_output);

    /// <exception cref="CliException">Something does not go together.</exception>
    internal DoctorSettings Settings(ParseResult parsed)
    {
        string[] sockets = parsed.GetValue(_sockets) ?? [];
        string[] admins = parsed.GetValue(_admins) ?? [];
        string?[] paths = [.. sockets, .. admins, .. new[] { _secrets, _configuration, _encryption, _apiServer, _broker, JUnitFile }.Select(parsed.GetValue), .. parsed.GetValue(_nodes) ?? []];
        if (paths.Any(path => path?.Length == 0))
        {
            throw new CliException("a socket or file is a path, not an empty text");
        }

        return new DoctorSettings
        {
            Sockets = sockets,
            AdminSockets = admins,
            SecretsSocket = parsed.GetValue(_secrets),
            Configuration = Full(parsed.GetValue(_configuration)),
            ConfigurationDigest = parsed.GetValue(_digest),
            EncryptionConfiguration = Full(parsed.GetValue(_encryption)),
            ProviderName = parsed.GetValue(_provider),
            ApiServer = Full(parsed.GetValue(_apiServer)),
            AutomaticReload = parsed.GetValue(_reload),
            KmsV1 = parsed.GetValue(_kmsV1),
            Nodes = [.. (parsed.GetValue(_nodes) ?? []).Select(Path.GetFullPath)],
            Broker = parsed.GetValue(_broker),
            Etcd = _etcd.IsGiven(parsed) ? _etcd.Etcd(parsed) : null,
        };
    }

    private static string? Full(string? path) => path is null ? null : Path.GetFullPath(path);

    private static IReadOnlyList<string> Split(string[]? names) => [.. (names ?? []).SelectMany(name => name.Split(',', StringSplitOptions.TrimEntries))];
}
