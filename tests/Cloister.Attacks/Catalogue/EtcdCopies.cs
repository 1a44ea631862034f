using System.Text;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Cli.Offline;
using Cloister.Conformance.Harness;

namespace Cloister.Attacks.Catalogue;

/// <summary>etcd's files and a snapshot are taken along.</summary>
internal sealed class StolenEtcd() : Attack(
    "stolen-etcd-files", Attacker.Thief, "etcd's data folder and a snapshot", Promise.Protected,
    "no file holds a value in clear, and no value opens without the KEK")
{
    private const string Marker = "STOLEN-ETCD-9f2c";

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, Encoding.UTF8.GetBytes($"k8s value {Marker}"), ground.Stop);
        string copy = await CopyAsync(cluster, ground);
        IReadOnlyList<string> clear = EtcdFiles.With(Encoding.ASCII.GetBytes(Marker), copy);
        byte[] stored = (await Cluster.ReadAsync(cluster.Direct, key, ground.Stop))!;
        byte[]? guessed = OfflineStoredValue.Open([new byte[32]], Cluster.Context, Encoding.UTF8.GetBytes(key), stored);
        Trial attempt = clear.Count == 0 && guessed is null
            ? Trial.Refused($"{EtcdFiles.With(Encoding.ASCII.GetBytes("k8s:enc:kms:v2:tee:"), copy).Count} files with ciphertext, none with the value")
            : Trial.Success($"in clear in {string.Join(", ", clear.Select(Path.GetFileName))}");

        // A value that did not go through the gateway is found in the same files; and with the KEK the ciphertext opens.
        await cluster.Etcd.PutAsync($"/{Name}/clear", Encoding.ASCII.GetBytes($"{Marker}-plain"), ground.Stop);
        IReadOnlyList<string> control = EtcdFiles.With(Encoding.ASCII.GetBytes($"{Marker}-plain"), await CopyAsync(cluster, ground));
        byte[]? opened = OfflineStoredValue.Open([await cluster.KekAsync()], Cluster.Context, Encoding.UTF8.GetBytes(key), stored);
        return new Outcome(attempt, control.Count > 0 && opened is not null
            ? Trial.Success($"written to etcd itself it is in {control.Count} files; the KEK opens what the gateway wrote")
            : Trial.Refused($"found in {control.Count} files, opens with the KEK: {opened is not null}"));
    }

    private static async Task<string> CopyAsync(Cluster cluster, Ground ground)
    {
        string copy = ground.PathOf($"copy-{Guid.NewGuid()}");
        (await Command.RunAsync("cp", ["-r", cluster.EtcdData, copy], ground.Stop)).EnsureSuccess();
        (await Command.RunAsync(
            cluster.Programs.PathOf("etcdctl"), ["--endpoints", cluster.Etcd.Url, "snapshot", "save", Path.Combine(copy, "backup.db")], ground.Stop)).EnsureSuccess();
        return copy;
    }
}
