using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Cloister.Cli.Config;

/// <summary>
/// Reads an EncryptionConfiguration as an API server does, and finds every reason why one would not start with it.
/// Source: k8s.io/apiserver, apis/apiserver/v1, apis/apiserver/validation and server/options/encryptionconfig; both are held against each other by
/// tests/Cloister.Conformance. secrets: keys of the file pass through, and are in no error.
/// </summary>
internal sealed partial class EncryptionConfigurationReader
{
    private static readonly string[] ProviderKinds = ["aesgcm", "aescbc", "secretbox", "identity", "kms"];

    private readonly bool _reload;
    private readonly bool _kmsV1;
    private readonly List<string> _errors = [];
    private readonly HashSet<string> _names = [];

    private EncryptionConfigurationReader(bool reload, bool kmsV1)
    {
        _reload = reload;
        _kmsV1 = kmsV1;
    }

    /// <summary>Reads a file's text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="reload">The API server runs with <c>--encryption-provider-config-automatic-reload</c>.</param>
    /// <param name="kmsV1">It runs with <c>--feature-gates=KMSv1=true</c>.</param>
    /// <returns>What it says, as far as it can be read, and why an API server refuses it; no errors: it does not.</returns>
    internal static (EncryptionConfiguration? Configuration, IReadOnlyList<string> Errors) Read(string text, bool reload, bool kmsV1)
    {
        EncryptionConfigurationReader reader = new(reload, kmsV1);
        EncryptionConfiguration? configuration = null;
        try
        {
            configuration = reader.Document(PlainValues.Read(text));
        }
        catch (FormatException e)
        {
            reader._errors.Add($"not YAML: {e.Message}");
        }

        return (configuration, reader._errors);
    }

    private EncryptionConfiguration? Document(JsonNode? root)
    {
        if (root is not JsonObject fields)
        {
            _errors.Add("not a document with fields: apiVersion, kind, resources");
            return null;
        }

        string kind = Text(fields, "", "kind");
        string version = Text(fields, "", "apiVersion");
        if ((version, kind) is not (("apiserver.config.k8s.io/v1", "EncryptionConfiguration") or ("v1", "EncryptionConfig")))
        {
            _errors.Add(kind != "EncryptionConfiguration"
                ? $"not kind: EncryptionConfiguration, but '{kind}'"
                : $"apiVersion is '{version}', not apiserver.config.k8s.io/v1");
            return null;
        }

        Known(fields, "", ["apiVersion", "kind", "resources"]);
        List<EncryptionEntry> entries = [.. List(fields, "", "resources").Select((node, i) => Entry(node, $"resources[{i}]"))];
        if (entries.Count == 0)
        {
            _errors.Add("resources: at least one entry is needed");
        }

        Masks(entries);
        return new EncryptionConfiguration(entries);
    }

    private EncryptionEntry Entry(JsonNode? node, string at)
    {
        JsonObject fields = Fields(node, at);
        Known(fields, at, ["resources", "providers"]);
        List<string> resources = [.. List(fields, at, "resources").Select((item, i) => Text(item, $"{at}.resources[{i}]"))];
        if (resources.Count == 0)
        {
            _errors.Add($"{at}.resources: at least one resource is needed");
        }

        Overlaps(resources, $"{at}.resources");
        for (int i = 0; i < resources.Count; i++)
        {
            if (NameFault(resources[i]) is { } fault)
            {
                _errors.Add($"{at}.resources[{i}]: '{resources[i]}': {fault}");
            }
        }

        List<EncryptionProvider> providers = [.. List(fields, at, "providers").Select((item, i) => Provider(item, $"{at}.providers[{i}]")).OfType<EncryptionProvider>()];
        if (List(fields, at, "providers").Count == 0)
        {
            _errors.Add($"{at}.providers: at least one provider is needed");
        }

        return new EncryptionEntry(resources, providers);
    }

    private void Overlaps(List<string> resources, string at)
    {
        (string Resource, string Group)[] all = [.. resources.Select(EncryptionConfiguration.GroupOf)];
        if (all.Distinct().Count() < all.Length)
        {
            _errors.Add($"{at}: a resource is named twice");
        }

        if (all.Length > 1 && (all.Contains(("*", "*")) || all.Any(one => one.Resource == "*" && all.Count(other => other.Group == one.Group) > 1)))
        {
            _errors.Add($"{at}: a name with * covers another one of the same list, which would not count");
        }
    }

    private static string? NameFault(string name)
    {
        (string resource, string group) = EncryptionConfiguration.GroupOf(name);
        return name switch
        {
            _ when name.Any(char.IsUpper) => "names of resources have no capital letters",
            "*" => "write *. for the core group, *.* for everything",
            "apiserveripinfo" or "serviceipallocations" or "servicenodeportallocations" => "not a resource of the API: it cannot be encrypted",
            _ => group switch
            {
                "events.k8s.io" => "events are stored in the core group: write events",
                "extensions" => "the group extensions does not exist any more",
                "*" when resource != "*" => "one resource of every group cannot be named",
                _ => null,
            },
        };
    }

    // What an earlier entry with a * covers must not come again.
    private void Masks(List<EncryptionEntry> entries)
    {
        HashSet<(string, string)> seen = [];
        for (int i = 0; i < entries.Count; i++)
        {
            foreach (string name in entries[i].Resources)
            {
                (string resource, string group) = EncryptionConfiguration.GroupOf(name);
                if (seen.Contains(("*", group)) || seen.Contains(("*", "*")))
                {
                    _errors.Add($"resources[{i}]: '{name}' is covered by an earlier entry with *, so that this one would not count");
                }

                seen.Add((resource, group));
            }
        }
    }

    private EncryptionProvider? Provider(JsonNode? node, string at)
    {
        JsonObject fields = Fields(node, at);
        Known(fields, at, ProviderKinds);
        string[] given = [.. ProviderKinds.Where(kind => fields[kind] is not null)];
        if (given is not [{ } only])
        {
            _errors.Add(given.Length > 1
                ? $"{at}: more than one provider in one item of the list ({string.Join(", ", given)}): each has an item of its own"
                : fields.ContainsKey("identity") ? $"{at}: identity has no value: write identity: {{}}" : $"{at}: no provider: one of {string.Join(", ", ProviderKinds)}");
            return null;
        }

        string inside = $"{at}.{only}";
        JsonObject value = Fields(fields[only], inside);
        switch (only)
        {
            case "kms":
                return new EncryptionProvider(only, Kms(value, inside));
            case "identity":
                Known(value, inside, []);
                return new EncryptionProvider(only);
            default:
                Keys(value, inside, only == "secretbox" ? [32] : [16, 24, 32]);
                return new EncryptionProvider(only);
        }
    }

    private void Keys(JsonObject fields, string at, int[] lengths)
    {
        Known(fields, at, ["keys"]);
        IReadOnlyList<JsonNode?> keys = List(fields, at, "keys");
        if (keys.Count == 0)
        {
            _errors.Add($"{at}.keys: at least one key is needed");
        }

        for (int i = 0; i < keys.Count; i++)
        {
            string inside = $"{at}.keys[{i}]";
            JsonObject key = Fields(keys[i], inside);
            Known(key, inside, ["name", "secret"]);
            if (Text(key, inside, "name").Length == 0)
            {
                _errors.Add($"{inside}.name: a key has a name");
            }

            string secret = Text(key, inside, "secret");
            if (secret.Length == 0)
            {
                _errors.Add($"{inside}.secret: a key has a secret");
            }
            else if (Length(secret) is not { } length)
            {
                _errors.Add($"{inside}.secret: not base64");
            }
            else if (!lengths.Contains(length))
            {
                _errors.Add($"{inside}.secret: {length} bytes; {string.Join(", ", lengths)} are possible");
            }
        }
    }

    private static int? Length(string base64)
    {
        string text = base64.Replace("\r", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal);
        byte[] bytes = new byte[text.Length];
        return !text.Any(char.IsWhiteSpace) && System.Convert.TryFromBase64String(text, bytes, out int length) ? length : null;
    }

    private KmsPlugin Kms(JsonObject fields, string at)
    {
        Known(fields, at, ["apiVersion", "name", "cachesize", "endpoint", "timeout"]);
        string version = Text(fields, at, "apiVersion");
        version = version.Length == 0 ? "v1" : version;
        string name = Text(fields, at, "name");
        if (name.Length == 0)
        {
            _errors.Add($"{at}.name: a provider has a name");
        }

        if (version != "v1" && name.Contains(':', StringComparison.Ordinal))
        {
            _errors.Add($"{at}.name: '{name}' has a colon");
        }

        if (!_names.Add(name) && (_reload || version != "v1"))
        {
            _errors.Add($"{at}.name: '{name}' is the name of an earlier KMS provider");
        }

        if (version is not ("v1" or "v2"))
        {
            _errors.Add($"{at}.apiVersion: '{version}', not v1 or v2");
        }
        else if (version == "v1" && !_kmsV1)
        {
            _errors.Add($"{at}.apiVersion: v1 (also where nothing is said): an API server takes KMS v1 only with --feature-gates=KMSv1=true; write apiVersion: v2, or say that it has the gate with --kms-v1");
        }

        CacheSize(fields, at, version);
        TimeSpan timeout = Timeout(fields, at);
        return new KmsPlugin(version, name, Endpoint(Text(fields, at, "endpoint"), $"{at}.endpoint")) { Timeout = timeout };
    }

    private void CacheSize(JsonObject fields, string at, string version)
    {
        if (fields["cachesize"] is not { } node)
        {
            return;
        }

        if (node is not JsonValue value || !value.TryGetValue(out long size) || size is < int.MinValue or > int.MaxValue)
        {
            _errors.Add($"{at}.cachesize: not a whole number");
        }
        else if (version != "v1")
        {
            _errors.Add($"{at}.cachesize: only KMS v1 has a cache of a size");
        }
        else if (size == 0)
        {
            _errors.Add($"{at}.cachesize: 0 is neither a size nor, as a number below it, none");
        }
    }

    private TimeSpan Timeout(JsonObject fields, string at)
    {
        if (fields["timeout"] is null)
        {
            return KmsPlugin.DefaultTimeout;
        }

        string text = Text(fields, at, "timeout");
        if (Duration(text) is not { } nanoseconds)
        {
            _errors.Add($"{at}.timeout: '{text}' is no duration, such as 3s");
            return KmsPlugin.DefaultTimeout;
        }

        if (nanoseconds <= 0)
        {
            _errors.Add($"{at}.timeout: '{text}' is not above zero");
        }

        return TimeSpan.FromTicks((long)(nanoseconds / TimeSpan.NanosecondsPerTick));
    }

    // Source: Go, time.ParseDuration.
    private static double? Duration(string text)
    {
        Match match = DurationForm().Match(text);
        if (text is "0" or "+0" or "-0")
        {
            return 0;
        }

        if (!match.Success)
        {
            return null;
        }

        double sum = 0;
        for (int i = 0; i < match.Groups["number"].Captures.Count; i++)
        {
            double unit = match.Groups["unit"].Captures[i].Value switch
            {
                "ns" => 1, "ms" => 1e6, "s" => 1e9, "m" => 60e9, "h" => 3600e9, _ => 1e3,
            };
            sum += unit * double.Parse(match.Groups["number"].Captures[i].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
        }

        return sum > long.MaxValue ? null : text[0] == '-' ? -sum : sum;
    }

    // Source: Go, net/url, and k8s.io/kms, ParseEndpoint.
    private string Endpoint(string endpoint, string at)
    {
        if (endpoint.Length == 0)
        {
            _errors.Add($"{at}: a KMS provider has one, such as unix:///run/cloister/kms.sock");
            return "";
        }

        string rest = endpoint;
        int fragment = rest.IndexOf('#', StringComparison.Ordinal);
        rest = fragment < 0 ? rest : rest[..fragment];
        Match scheme = SchemeForm().Match(rest);
        if (endpoint.Any(c => c < ' ' || c == '\x7f') || !scheme.Success)
        {
            _errors.Add($"{at}: not an address of the form unix:///path");
            return "";
        }

        if (!scheme.Groups["scheme"].Value.Equals("unix", StringComparison.OrdinalIgnoreCase))
        {
            _errors.Add($"{at}: only unix sockets are possible, not {scheme.Groups["scheme"].Value}:");
            return "";
        }

        rest = rest[scheme.Length..];
        int query = rest.IndexOf('?', StringComparison.Ordinal);
        rest = query < 0 ? rest : rest[..query];
        if (rest.Length > 0 && rest[0] != '/')
        {
            // Opaque: it is accepted, and has no path.
            return "";
        }

        if (rest.StartsWith("//", StringComparison.Ordinal))
        {
            int slash = rest.IndexOf('/', 2);
            string host = slash < 0 ? rest[2..] : rest[2..slash];
            rest = slash < 0 ? "" : rest[slash..];
            if (host.Any(c => c is ' ' or '"' or '<' or '>' or '\\' or '^' or '`' or '{' or '|' or '}') || host.Contains('%', StringComparison.Ordinal) || PortForm().IsMatch(host))
            {
                _errors.Add($"{at}: '{host}' cannot stand where a host does: write three slashes, unix:///path");
                return "";
            }
        }

        if (BadEscape().IsMatch(rest))
        {
            _errors.Add($"{at}: a percent sign is not followed by two hexadecimal digits");
            return "";
        }

        string path = Uri.UnescapeDataString(rest);
        return path.StartsWith("/@", StringComparison.Ordinal) ? path[1..] : path;
    }

    private void Known(JsonObject fields, string at, ReadOnlySpan<string> names)
    {
        foreach ((string name, _) in fields)
        {
            if (!names.Contains(name))
            {
                _errors.Add($"{(at.Length == 0 ? name : $"{at}.{name}")}: there is no such field{(names.IsEmpty ? "" : $"; there are {string.Join(", ", names.ToArray())}")}");
            }
        }
    }

    private JsonObject Fields(JsonNode? node, string at)
    {
        if (node is JsonObject fields)
        {
            return fields;
        }

        if (node is not null)
        {
            _errors.Add($"{at}: has to have fields");
        }

        return [];
    }

    private IReadOnlyList<JsonNode?> List(JsonObject fields, string at, string name)
    {
        if (fields[name] is JsonArray list)
        {
            return [.. list];
        }

        string error = $"{(at.Length == 0 ? name : $"{at}.{name}")}: has to be a list";
        if (fields[name] is not null && !_errors.Contains(error))
        {
            _errors.Add(error);
        }

        return [];
    }

    private string Text(JsonObject fields, string at, string name) => Text(fields[name], at.Length == 0 ? name : $"{at}.{name}");

    private string Text(JsonNode? node, string at)
    {
        if (node is null)
        {
            return "";
        }

        if (node is JsonValue value && value.TryGetValue(out string? text))
        {
            return text;
        }

        _errors.Add($"{at}: has to be a text: YAML takes what stands there for {(node is JsonValue ? "a number or a truth value, unless it is quoted" : "something else")}");
        return "";
    }

    [GeneratedRegex(@"^[+-]?(?:(?<number>[0-9]+\.?[0-9]*|\.[0-9]+)(?<unit>ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$")]
    private static partial Regex DurationForm();

    [GeneratedRegex("^(?<scheme>[A-Za-z][A-Za-z0-9+.-]*):")]
    private static partial Regex SchemeForm();

    [GeneratedRegex(":[^0-9:]|:[0-9]*[^0-9:]")]
    private static partial Regex PortForm();

    [GeneratedRegex("%(?![0-9A-Fa-f]{2})")]
    private static partial Regex BadEscape();
}
