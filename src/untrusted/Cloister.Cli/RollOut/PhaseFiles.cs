using System.Security.Cryptography;
using System.Text;
using Cloister.Cli.Config;

namespace Cloister.Cli.RollOut;

/// <summary>How far encryption is rolled out on an API server. A step is from one to the next or the one before on one of the ways of <see cref="RolloutPlan"/>; two apart cannot read each other's writes.</summary>
internal enum Phase
{
    /// <summary>No EncryptionConfiguration: it reads nothing that is encrypted.</summary>
    None,

    /// <summary>It reads both and writes in clear.</summary>
    Readers,

    /// <summary>It reads both and encrypts.</summary>
    Writers,

    /// <summary>It encrypts and reads nothing in clear.</summary>
    Sealed,

    /// <summary>Its Secrets go through a gateway, which encrypts them; it does not itself.</summary>
    Gateway,
}

/// <summary>The EncryptionConfigurations of a roll-out, one file a phase: <c>readers.yaml</c>, <c>writers.yaml</c>, <c>sealed.yaml</c>, the same on every node.</summary>
internal sealed class PhaseFiles
{
    private static readonly Phase[] WithFile = [Phase.Readers, Phase.Writers, Phase.Sealed];

    private readonly string _folder;
    private readonly Dictionary<string, Phase> _byHash = [];

    private PhaseFiles(string folder) => _folder = folder;

    /// <summary>Name of the provider in all of them.</summary>
    internal string Provider { get; private set; } = "";

    /// <summary>Reads and checks a folder's files.</summary>
    /// <exception cref="CliException">One is missing, an API server would not take it, or it is another phase than its name says.</exception>
    internal static PhaseFiles Read(string folder)
    {
        PhaseFiles files = new(Path.GetFullPath(folder));
        foreach (Phase phase in WithFile)
        {
            string path = files.PathOf(phase);
            byte[] content = File.Exists(path) ? File.ReadAllBytes(path) : throw new CliException($"{path} is not there: 'cloister config encryption-provider --phase {NameOf(phase)}' writes it");
            (EncryptionConfiguration? configuration, IReadOnlyList<string> errors) = EncryptionConfigurationReader.Read(Encoding.UTF8.GetString(content), reload: true, kmsV1: false);
            if (errors.Count > 0 || configuration?.ForSecrets() is not { } providers)
            {
                throw new CliException($"{path}: {(errors.Count > 0 ? string.Join("; ", errors) : "Secrets are in no entry of resources")}");
            }

            string[] kinds = [.. providers.Select(provider => provider.Kind)];
            string[] expected = phase switch { Phase.Readers => ["identity", "kms"], Phase.Writers => ["kms", "identity"], _ => ["kms"] };
            if (!kinds.SequenceEqual(expected))
            {
                throw new CliException($"{path}: for Secrets it has {string.Join(", ", kinds)}, and phase {NameOf(phase)} is {string.Join(", ", expected)}");
            }

            string name = providers.First(provider => provider.Kms is not null).Kms!.Name;
            if (files.Provider.Length > 0 && files.Provider != name)
            {
                throw new CliException($"{path}: the provider's name is {name}, and {files.Provider} in another phase: what one writes the other could not read");
            }

            files.Provider = name;
            files._byHash[$"sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}"] = phase;
        }

        return files;
    }

    internal static string NameOf(Phase phase) => phase switch { Phase.None => "none", Phase.Readers => "readers", Phase.Writers => "writers", Phase.Sealed => "sealed", _ => "gateway" };

    internal string PathOf(Phase phase) => Path.Combine(_folder, $"{NameOf(phase)}.yaml");

    /// <summary>The phase whose file has this hash, as an API server's metric shows it; null: none of these files.</summary>
    internal Phase? Of(string hash) => _byHash.TryGetValue(hash, out Phase phase) ? phase : null;
}
