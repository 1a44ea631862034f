using System.CommandLine;
using Cloister.Cli.Output;

namespace Cloister.Cli.Etcd.Scan;

/// <summary>The options of every verb that takes a KEK version away: how it is known that nothing needs it.</summary>
internal sealed class KekRemovalOptions
{
    private const int DefaultAge = 600;

    private readonly EtcdConnectionOptions _connection = EtcdConnectionOptions.ForScan();
    private readonly Option<string> _prefix = ScanPrefix();
    private readonly Option<string> _secretsSocket = new("--secrets-socket") { Description = "secrets socket of an enclave, which looks for values that are encrypted twice" };
    private readonly Option<int> _confirm;
    private readonly Option<string> _coverage = new("--coverage") { Description = "in place of --endpoints: what 'cloister etcd coverage -o json' printed just now" };
    private readonly Option<string> _cluster = new("--etcd-cluster") { Description = "with --coverage: the id of etcd's cluster that it has to be of" };
    private readonly Option<int> _age = new("--coverage-age") { Description = "seconds that the report may be old", DefaultValueFactory = _ => DefaultAge };
    private readonly Option<bool> _allowEmpty = new("--allow-empty") { Description = "etcd has no values under any KEK" };
    private readonly Option<string> _withoutScan;

    /// <param name="confirm">Seconds between the two scans when nothing else is said.</param>
    /// <param name="waiver">What <c>--without-scan</c> repeats.</param>
    internal KekRemovalOptions(int confirm, string waiver)
    {
        _confirm = new("--confirm") { Description = "seconds between two scans: an API server may write with its old seed for three minutes. 0 when all write through gateways", DefaultValueFactory = _ => confirm };
        _withoutScan = new("--without-scan") { Description = $"{waiver} again: do not look at etcd, and lose every value that is still encrypted with it" };
        CliOutput.Range(_confirm, 0, 86_400);
        CliOutput.Range(_age, 1, 86_400);
    }

    /// <summary>Which keys a scan reads.</summary>
    internal static Option<string> ScanPrefix() => new("--scan-prefix")
    {
        Description = "scan only keys that begin with it, such as /registry/ where etcd lets no more be read; all keys unless said", DefaultValueFactory = _ => "",
    };

    /// <summary>All of them.</summary>
    internal IEnumerable<Option> All => [.. _connection.All, _prefix, _secretsSocket, _confirm, _coverage, _cluster, _age, _allowEmpty, _withoutScan];

    internal void AddTo(Command command)
    {
        foreach (Option option in All)
        {
            command.Options.Add(option);
        }
    }

    /// <exception cref="CliException">Something does not go together.</exception>
    internal KekRemoval Read(ParseResult parsed)
    {
        (bool scans, string? coverage, string? cluster, string? waiver) =
            (_connection.IsGiven(parsed), parsed.GetValue(_coverage), parsed.GetValue(_cluster), parsed.GetValue(_withoutScan));
        if ((scans ? 1 : 0) + (coverage is null ? 0 : 1) + (waiver is null ? 0 : 1) > 1)
        {
            throw new CliException("--endpoints, --coverage and --without-scan all say how it is known that nothing needs the KEK: give one");
        }

        if ((coverage is null) != (cluster is null))
        {
            throw new CliException("--coverage needs --etcd-cluster, the id of etcd's cluster as 'etcdctl endpoint status' shows it, and goes with nothing else");
        }

        return new KekRemoval(
            scans ? new KekScan(_connection.Etcd(parsed), parsed.GetValue(_prefix)!, parsed.GetValue(_secretsSocket)) : null,
            TimeSpan.FromSeconds(parsed.GetValue(_confirm)), coverage, cluster?.ToLowerInvariant(), TimeSpan.FromSeconds(parsed.GetValue(_age)), parsed.GetValue(_allowEmpty), waiver);
    }
}
