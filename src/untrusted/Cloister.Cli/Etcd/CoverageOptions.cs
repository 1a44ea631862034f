using System.CommandLine;
using Cloister.Cli.Etcd.Scan;
using Cloister.Cli.Output;

namespace Cloister.Cli.Etcd;

/// <summary>The options of <c>cloister etcd coverage</c>, apart from where etcd is.</summary>
internal sealed class CoverageOptions
{
    private readonly Option<string> _provider = new("--provider") { Description = "name of the KMS provider in the API server's configuration" };
    private readonly Option<string> _keyId = new("--key-id") { Description = "the key_id that writes use now" };
    private readonly Option<string> _socket = new("--socket") { Description = "KMS socket of a running plugin, which is asked for that key_id" };
    private readonly Option<string> _secretsSocket = new("--secrets-socket") { Description = "secrets socket of a running enclave, which is asked for the key_ids of namespaces as well" };
    private readonly Option<bool> _verify = new("--verify") { Description = "with --secrets-socket: have the enclave try whether each value of its provider opens; nothing of it comes out" };
    private readonly Option<string> _adminSocket = new("--admin-socket") { Description = "admin socket of an enclave, which knows its KEKs by name and version" };
    private readonly Option<string> _context = new("--context") { Description = "JSON file with the broker that knows its KEKs by name and version, as for 'cloister kek'" };
    private readonly Option<Requirement> _require = new("--require") { Description = "encrypted (default), provider or current" };
    private readonly Option<int> _list = new("--list") { Description = "at most so many names of offending keys", DefaultValueFactory = _ => 20 };
    private readonly Option<bool> _allowEmpty = new("--allow-empty") { Description = "no keys at all are fine" };
    private readonly Option<string> _scanPrefix = KekRemovalOptions.ScanPrefix();
    private readonly Option<OutputFormat> _output = CliOutput.Option();

    internal CoverageOptions()
    {
        CliOutput.Range(_list, 0, 100_000);
    }

    internal void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_provider, _keyId, _socket, _secretsSocket, _verify, _adminSocket, _context, _require, _list, _allowEmpty, _scanPrefix, _output])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Keys that are looked at besides those of Secrets; empty for all.</summary>
    /// <exception cref="CliException">They would not hold the Secrets.</exception>
    internal string ScanPrefix(ParseResult parsed, string prefix) =>
        parsed.GetValue(_scanPrefix) is { } scan && prefix.StartsWith(scan, StringComparison.Ordinal) ? scan : throw new CliException("--scan-prefix has to be a beginning of --prefix, such as /registry/");

    /// <exception cref="CliException">Something does not go together.</exception>
    internal CoverageRequest Read(ParseResult parsed)
    {
        CoverageRequest request = new(
            parsed.GetValue(_require), parsed.GetValue(_provider), parsed.GetValue(_keyId), parsed.GetValue(_socket), parsed.GetValue(_secretsSocket), parsed.GetValue(_verify),
            parsed.GetValue(_adminSocket), parsed.GetValue(_context), parsed.GetValue(_list), parsed.GetValue(_allowEmpty), parsed.GetValue(_output));
        request.Check();
        return request;
    }
}
