using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Vm;

/// <summary>What <c>make enclave-vm</c> left, checked against its manifest.</summary>
internal sealed class VmImage
{
    internal const string KernelFile = "vmlinuz";
    internal const string InitrdFile = "initrd.img";
    internal const string CommandLineFile = "cmdline";
    internal const string ManifestFile = "manifest.json";

    // The kernel reads an archive that is not compressed from a multiple of four on, and zeros before it as nothing.
    private const int Alignment = 512;

    private readonly string _folder;
    private readonly JsonNode _manifest;
    private readonly byte[] _initrd;

    private VmImage(string folder, JsonNode manifest)
    {
        (_folder, _manifest) = (folder, manifest);
        _ = Read(KernelFile);
        _initrd = Read(InitrdFile);
        CommandLine = Encoding.ASCII.GetString(Read(CommandLineFile));
    }

    /// <summary>Whether the enclave in it is the simulated one.</summary>
    internal bool IsSimulated => (string?)_manifest["program"] != "cloister-enclave";

    /// <summary>The kernel's file.</summary>
    internal string KernelPath => System.IO.Path.Combine(_folder, KernelFile);

    /// <summary>The kernel's command line.</summary>
    internal string CommandLine { get; }

    /// <summary>Reads and checks an image.</summary>
    /// <exception cref="CliException">It is not whole.</exception>
    internal static VmImage Open(string folder)
    {
        try
        {
            return new VmImage(folder, JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(folder, ManifestFile)))!);
        }
        catch (Exception e) when (e is IOException or JsonException or InvalidOperationException)
        {
            throw new CliException($"{folder} holds no image of an enclave VM: 'make enclave-vm' leaves one in artifacts/enclave-vm, and one with the simulated enclave in artifacts/enclave-vm/dev");
        }
    }

    /// <summary>The initramfs with a configuration behind it, which the launch measurement covers like everything else in it.</summary>
    internal byte[] Initrd(VmConfiguration configuration) =>
        [.. _initrd, .. new byte[(Alignment - (_initrd.Length % Alignment)) % Alignment], .. configuration.Archive];

    /// <summary>Whether a file of an image is the one that its manifest names: what was changed since, or is of another build, is no image.</summary>
    internal static bool IsAsBuilt(JsonNode manifest, string name, ReadOnlySpan<byte> content) =>
        manifest[name] is JsonObject entry && entry["sha256"] is JsonValue value && value.TryGetValue(out string? digest)
        && digest == Convert.ToHexStringLower(SHA256.HashData(content));

    /// <summary>What the simulated enclave measures of this image with a configuration: docs/enclave-vm.md has the text that is hashed. Hex.</summary>
    internal string SimulatedMeasurement(VmConfiguration configuration)
    {
        SortedDictionary<string, string> files = new(StringComparer.Ordinal);
        foreach (JsonNode? file in _manifest["files"]!.AsArray())
        {
            files[(string)file!["path"]!] = (string)file["sha256"]!;
        }

        foreach ((string path, string digest) in configuration.Digests())
        {
            files[path] = digest;
        }

        string text = $"{CommandLine}\n{(string?)_manifest["kernel"]?["release"]}\n{string.Concat(files.Select(file => $"{file.Value}  {file.Key}\n"))}";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    // What is checked is what is used: each file is read once.
    private byte[] Read(string name)
    {
        string path = System.IO.Path.Combine(_folder, name);
        byte[] content = File.ReadAllBytes(path);
        return IsAsBuilt(_manifest, name, content)
            ? content
            : throw new CliException($"{path} is not what {ManifestFile} beside it says: build the image again with 'make enclave-vm'");
    }
}

/// <summary>The files of a configuration: <c>enclave.yaml</c>, <c>network</c> where there is one, and others that <c>enclave.yaml</c> names.</summary>
internal sealed class VmConfiguration
{
    private const string Folder = "etc/cloister";

    // What QEMU's user network gives its guest.
    private const string UserNetwork = "address 10.0.2.15/24\ngateway 10.0.2.2\n";

    private readonly SortedDictionary<string, byte[]> _files = new(StringComparer.Ordinal);

    /// <summary>Reads the files.</summary>
    /// <param name="enclave">The path of <c>enclave.yaml</c>.</param>
    /// <param name="more">More files, <c>NAME=PATH</c>: NAME is below <c>/etc/cloister</c>.</param>
    /// <param name="network">Whether the machine has a network device.</param>
    internal VmConfiguration(string enclave, IEnumerable<string> more, bool network)
    {
        Enclave = File.ReadAllBytes(enclave);
        _files["enclave.yaml"] = Enclave;
        if (network)
        {
            _files["network"] = Encoding.ASCII.GetBytes(UserNetwork);
        }

        foreach (string file in more)
        {
            if (file.Split('=', 2) is not [{ Length: > 0 } name, { Length: > 0 } path])
            {
                throw new CliException($"--file {file}: NAME=PATH, NAME below /etc/cloister in the machine");
            }

            if (!_files.TryAdd(name, File.ReadAllBytes(path)))
            {
                throw new CliException($"--file {file}: {name} is there twice");
            }
        }

        Archive = MakeArchive();
    }

    /// <summary>The bytes of <c>enclave.yaml</c>.</summary>
    internal byte[] Enclave { get; }

    /// <summary>SHA-256 of it in base64: HOST_DATA of SEV-SNP.</summary>
    internal string HostData => Convert.ToBase64String(SHA256.HashData(Enclave));

    /// <summary>SHA-384 of it in base64: MRCONFIGID of TDX.</summary>
    internal string MrConfigId => Convert.ToBase64String(SHA384.HashData(Enclave));

    /// <summary>The archive to append to an initramfs.</summary>
    internal byte[] Archive { get; }

    /// <summary>Which of its listeners the enclave opens last: KMS, where it has that.</summary>
    internal string LastListener => Encoding.UTF8.GetString(Enclave).Split('\n').Any(line => line.StartsWith("kms:", StringComparison.Ordinal)) ? "kms" : "gateway";

    /// <summary>Digests of the files by their paths in the machine.</summary>
    internal IEnumerable<KeyValuePair<string, string>> Digests() =>
        _files.Select(file => KeyValuePair.Create($"/{Folder}/{file.Key}", Convert.ToHexStringLower(SHA256.HashData(file.Value))));

    private byte[] MakeArchive()
    {
        CpioArchive archive = new();
        HashSet<string> folders = [];
        foreach ((string name, byte[] content) in _files)
        {
            string path = $"{Folder}/{name}";
            for (int end = path.IndexOf('/', StringComparison.Ordinal); end > 0; end = path.IndexOf('/', end + 1))
            {
                if (folders.Add(path[..end]))
                {
                    archive.AddFolder(path[..end], Convert.ToUInt32("755", 8));
                }
            }

            archive.AddFile(path, Convert.ToUInt32("644", 8), content);
        }

        return archive.ToArray();
    }
}
