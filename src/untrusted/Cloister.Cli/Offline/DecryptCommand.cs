using System.CommandLine;
using System.Text;
using Cloister.Cli.Etcd;
using Cloister.Cli.Offline.Snapshots;
using Cloister.Cli.Output;

namespace Cloister.Cli.Offline;

/// <summary><c>cloister etcd decrypt</c>: Secrets out of a snapshot, without a cluster and without an enclave.</summary>
internal static class DecryptCommand
{
    private const int MaxValue = 64 * 1024 * 1024;

    internal static Command Create()
    {
        Option<string> snapshot = new("--snapshot") { Description = "snapshot of etcd, or a copy of a stopped member's member/snap/db" };
        Option<string> secret = new("--secret") { Description = "NAMESPACE/NAME: write this Secret to standard output, as the API server stored it" };
        Option<bool> list = new("--list") { Description = "list what is under the prefix and what opens" };
        Option<string> etcdKey = new("--etcd-key") { Description = "without a snapshot: the etcd key of the one value on standard input" };
        Option<string[]> kek = new("--kek") { Description = "file with a KEK, 32 bytes or 64 hexadecimal digits; may be repeated", DefaultValueFactory = _ => [] };
        Option<string[]> share = new("--share") { Description = "file with a recovery share; repeated, as many as restore the KEK", DefaultValueFactory = _ => [] };
        Option<string> cluster = new("--cluster") { Description = "identity of the cluster, as in the enclave's configuration", Required = true };
        Option<string[]> provider = new("--provider") { Description = "name of the provider in the enclave's configuration; may be repeated. The name that a value carries is tried as well", DefaultValueFactory = _ => [] };
        Option<bool> allowEmpty = new("--allow-empty") { Description = "with --list: no keys under the prefix are fine" };
        Option<string> prefix = new("--prefix") { Description = "keys that begin with it", DefaultValueFactory = _ => "/registry/secrets/" };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("decrypt", "Read Secrets of a snapshot of etcd with a KEK or its recovery shares in hand: needs no cluster and no enclave. Exit 2 when something does not open, or there is nothing.")
        {
            snapshot, secret, list, etcdKey, kek, share, cluster, provider, prefix, allowEmpty, output,
        };
        command.SetAction(parsed =>
        {
            string? file = parsed.GetValue(snapshot);
            string? name = parsed.GetValue(secret);
            string? key = parsed.GetValue(etcdKey);
            Check(file, name, parsed.GetValue(list), key);
            (string clusterName, string[] providers, string under) = (parsed.GetValue(cluster)!, parsed.GetValue(provider)!, parsed.GetValue(prefix)!);
            using OfflineKeks keks = OfflineKeks.Read(parsed.GetValue(kek)!, parsed.GetValue(share)!);
            if (file is null)
            {
                return Write(keks, clusterName, providers, key!, ReadInput());
            }

            EtcdSnapshot content = EtcdSnapshot.Read(file, under);
            if (name is null)
            {
                DecryptList answer = DecryptList.Of(content, under, keks.Keks, clusterName, providers, parsed.GetValue(allowEmpty));
                answer.Print(parsed.GetValue(output));
                return answer.Ok ? ExitCode.Done : ExitCode.No;
            }

            return Write(
                keks, clusterName, providers, under + name,
                content.Values.GetValueOrDefault(under + name) ?? throw new CliException($"the snapshot has no {CliOutput.Shown(under + name)}: see --list", ExitCode.No));
        });
        return command;
    }

    private static void Check(string? snapshot, string? secret, bool list, string? etcdKey)
    {
        bool right = snapshot is null
            ? etcdKey is { Length: > 0 } && secret is null && !list
            : etcdKey is null && (secret is not null) != list;
        if (!right)
        {
            throw new CliException("say what to decrypt: --snapshot FILE with --list or --secret NAMESPACE/NAME, or --etcd-key KEY with the value on standard input");
        }
    }

    private static int Write(OfflineKeks keks, string cluster, IReadOnlyList<string> providers, string key, byte[] value)
    {
        OpenedValue opened = OfflineStoredValue.Open(keks.Keks, cluster, providers, Encoding.UTF8.GetBytes(key), value)
            ?? throw new CliException(WhyNot(key, value), ExitCode.No);
        using Stream output = Console.OpenStandardOutput();
        output.Write(opened.Plaintext);
        return ExitCode.Done;
    }

    private static string WhyNot(string key, byte[] value)
    {
        Storage storage = StorageClassifier.Classify(value);
        string stored = storage.KeyId.Length == 0 ? storage.Kind.Name() : $"{storage.Kind.Name()} of provider {storage.Provider}, key_id {storage.KeyId}";
        return $"{CliOutput.Shown(key)} does not open: it is stored as {CliOutput.Shown(stored)}; check --kek or --share, --cluster, --provider, and that the value belongs to this key";
    }

    private static byte[] ReadInput()
    {
        using MemoryStream value = new();
        using Stream input = Console.OpenStandardInput();
        byte[] buffer = new byte[65_536];
        for (int read = input.Read(buffer); read > 0; read = input.Read(buffer))
        {
            value.Write(buffer, 0, read);
            if (value.Length > MaxValue)
            {
                throw new CliException("standard input holds more than one value of etcd can have");
            }
        }

        return value.ToArray();
    }
}
