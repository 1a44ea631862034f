using System.Globalization;

namespace Cloister.Gramine.Tests.Worlds;

/// <summary>A mount of a manifest.</summary>
/// <param name="Path">Inside.</param>
/// <param name="Type">Such as <c>tmpfs</c>; <c>chroot</c> when nothing is said.</param>
/// <param name="Uri">Outside, without <c>file:</c>; empty for a tmpfs.</param>
internal sealed record GramineMount(string Path, string Type, string Uri);

/// <summary>What a filled-in manifest says, as far as it decides what an enclave sees.</summary>
internal sealed class GramineManifest
{
    private readonly Dictionary<string, object> _values;

    private GramineManifest(string path)
    {
        Text = File.ReadAllText(path);
        _values = new TomlText(Text).ReadAll();
    }

    internal string Text { get; }

    internal string EntryPoint => (string)_values["libos.entrypoint"];

    internal IReadOnlyList<string> Arguments => [.. ((List<object>)_values["loader.argv"]).Cast<string>()];

    internal IReadOnlyDictionary<string, string> Environment => _values
        .Where(value => value.Key.StartsWith("loader.env.", StringComparison.Ordinal))
        .ToDictionary(value => value.Key["loader.env.".Length..], value => (string)value.Value);

    internal IReadOnlyList<GramineMount> Mounts =>
    [
        .. ((List<object>)_values["fs.mounts"]).Cast<Dictionary<string, object>>().Select(mount => new GramineMount(
            (string)mount["path"],
            (string)mount.GetValueOrDefault("type", "chroot"),
            ((string)mount.GetValueOrDefault("uri", "")).Replace("file:", "", StringComparison.Ordinal))),
    ];

    /// <summary>Of the program: Gramine has three of its own.</summary>
    internal int MaxThreads => int.Parse((string)_values["sgx.max_threads"], CultureInfo.InvariantCulture) - 3;

    /// <summary>Bytes.</summary>
    internal long EnclaveSize => Size("sgx.enclave_size", "256M");

    /// <summary>Bytes.</summary>
    internal long StackSize => Size("sys.stack.size", "256K");

    /// <summary>Open files; 900 is Gramine's own.</summary>
    internal int Descriptors => int.Parse((string)_values.GetValueOrDefault("sys.fds.limit", "900"), CultureInfo.InvariantCulture);

    /// <summary>Whether the host's resolver is brought in.</summary>
    internal bool HasResolver => _values.GetValueOrDefault("sys.enable_extra_runtime_domain_names_conf") is "true";

    internal static GramineManifest Read(string path) => new(path);

    private long Size(string key, string missing)
    {
        string text = (string)_values.GetValueOrDefault(key, missing);
        int shift = text[^1] switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => throw new FormatException($"{key} = {text}") };
        return long.Parse(text[..^1], CultureInfo.InvariantCulture) << shift;
    }
}
