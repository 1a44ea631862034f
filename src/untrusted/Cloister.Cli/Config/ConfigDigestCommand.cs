using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Output;

namespace Cloister.Cli.Config;

/// <summary><c>cloister config digest</c> and <c>diff</c>: what a policy knows a configuration by, and what changes between two. Nothing is started or asked but the files' own reader.</summary>
internal static class ConfigDigestCommand
{
    // Bound into every EDEK and stored value.
    private static readonly string[] Fixed = ["cluster", "provider"];

    internal static Command Digest()
    {
        Argument<string> file = new("FILE") { Description = "an EnclaveConfiguration" };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("digest", "Print the digests by which evidence and policies know an enclave's configuration. Exit 2 when the enclave would not start with it.") { file, output };
        command.SetAction(async (parsed, cancellation) =>
        {
            byte[] bytes = await ReadAsync(parsed.GetValue(file)!, cancellation);
            (string sha384, string sha256) = (Convert.ToHexStringLower(SHA384.HashData(bytes)), Convert.ToHexStringLower(SHA256.HashData(bytes)));
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject { ["file"] = parsed.GetValue(file), ["sha384"] = sha384, ["sha256"] = sha256 });
            }
            else
            {
                Console.Out.WriteLine($"sha384 {sha384}    configDigests of a ReleasePolicy, MRCONFIGID of TDX\nsha256 {sha256}    HOST_DATA of SEV-SNP");
            }

            return ExitCode.Done;
        });
        return command;
    }

    internal static Command Diff()
    {
        Argument<string> old = new("OLD") { Description = "the EnclaveConfiguration that is in force" };
        Argument<string> next = new("NEW") { Description = "the one that is to be" };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("diff", "Show which fields differ between two configurations of an enclave. Exit 0: the second may follow the first, 2: it may not, or an enclave would not start with it.") { old, next, output };
        command.SetAction(async (parsed, cancellation) =>
        {
            byte[] before = await ReadAsync(parsed.GetValue(old)!, cancellation);
            byte[] after = await ReadAsync(parsed.GetValue(next)!, cancellation);
            SortedDictionary<string, string> left = Flatten(before), right = Flatten(after);
            string[] names = [.. left.Keys.Union(right.Keys).Where(name => left.GetValueOrDefault(name) != right.GetValueOrDefault(name)).Order(StringComparer.Ordinal)];
            string[] forbidden = [.. names.Where(Fixed.Contains)];
            bool sameDigest = before.AsSpan().SequenceEqual(after);
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject
                {
                    ["sameDigest"] = sameDigest,
                    ["fields"] = new JsonArray([.. names.Select(name => (JsonNode)new JsonObject { ["field"] = name, ["old"] = left.GetValueOrDefault(name), ["new"] = right.GetValueOrDefault(name) })]),
                    ["neverChange"] = new JsonArray([.. forbidden.Select(name => (JsonNode)name)]),
                });
            }
            else
            {
                CliOutput.Table(["field", "old", "new"], names.Select(name => (IReadOnlyList<string>)[CliOutput.Shown(name), CliOutput.Shown(left.GetValueOrDefault(name, "")), CliOutput.Shown(right.GetValueOrDefault(name, ""))]));
                Console.Out.WriteLine(sameDigest ? "the same bytes: the same digest" : "another digest: policies need both while nodes change ('cloister upgrade plan')");
                Array.ForEach(forbidden, name => Console.Error.WriteLine($"cloister: {name} must never change: nothing that is stored would open"));
            }

            return forbidden.Length == 0 ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    // What the enclave would not start with has no digest that is worth anything.
    private static async Task<byte[]> ReadAsync(string path, CancellationToken cancellation)
    {
        byte[] bytes = await File.ReadAllBytesAsync(path, cancellation);
        (string kind, IReadOnlyList<string> errors) = await ConfigValidateCommand.LookAsync(path, Encoding.UTF8.GetString(bytes), reload: false, kmsV1: false, cancellation);
        if (kind != "EnclaveConfiguration")
        {
            throw new CliException($"{path} is no EnclaveConfiguration{(kind.Length > 0 ? $" but {kind}" : "")}", ExitCode.No);
        }

        return errors.Count == 0 ? bytes : throw new CliException($"{path}: an enclave does not start with it:\n{string.Join('\n', errors.Select(error => $"  {error}"))}", ExitCode.No);
    }

    private static SortedDictionary<string, string> Flatten(byte[] text)
    {
        SortedDictionary<string, string> fields = new(StringComparer.Ordinal);
        Add("", PlainValues.Read(Encoding.UTF8.GetString(text)));
        return fields;

        void Add(string at, JsonNode? node)
        {
            switch (node)
            {
                case JsonObject mapping:
                    foreach ((string name, JsonNode? value) in mapping)
                    {
                        Add(at.Length == 0 ? name : $"{at}.{name}", value);
                    }

                    break;
                case JsonArray list:
                    for (int i = 0; i < list.Count; i++)
                    {
                        Add($"{at}[{i}]", list[i]);
                    }

                    break;
                default:
                    fields[at] = node?.ToString() ?? "";
                    break;
            }
        }
    }
}
