using System.Text;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Conformance.Harness;

namespace Cloister.Attacks.Catalogue;

/// <summary>Secrets are looked for in what programs print, while Secrets are written, read, refused and not opened.</summary>
internal sealed class SecretsInLogs() : Attack(
    "secrets-in-logs", Attacker.Thief, "the logs of enclave and broker", Promise.Protected, "what can be logged is a list (EnclaveLog), and has no secrets")
{
    private const string Marker = "SECRETS-IN-LOGS-4711";

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        byte[] kek = await cluster.KekAsync();
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, Encoding.ASCII.GetBytes($"k8s {Marker}"), ground.Stop);
        await Cluster.ReadAsync(cluster.Through, key, ground.Stop);

        // What fails is what would be logged: in clear where it must not be, and a value that does not open.
        await cluster.Etcd.PutAsync($"{key}-clear", Encoding.ASCII.GetBytes($"k8s {Marker}"), ground.Stop);
        byte[] stored = (await Cluster.ReadAsync(cluster.Direct, key, ground.Stop))!;
        await cluster.Etcd.PutAsync($"{key}-moved", stored, ground.Stop);
        foreach (string end in (string[])["-clear", "-moved"])
        {
            try
            {
                await Cluster.ReadAsync(cluster.Through, key + end, ground.Stop);
            }
            catch (Grpc.Core.RpcException)
            {
                // As good as an answer.
            }
        }

        string[] secrets = [Marker, Convert.ToBase64String(Encoding.ASCII.GetBytes(Marker))[..20], Convert.ToBase64String(kek), Convert.ToHexString(kek), Convert.ToHexStringLower(kek)];
        string logs = cluster.Enclave.Log() + cluster.Broker.Errors;
        string[] found = [.. secrets.Where(secret => logs.Contains(secret, StringComparison.Ordinal))];

        // A program that logs what it reads.
        ApiCluster api = await ground.SharedApiClusterAsync();
        (await api.Gateway.Kubectl.CreateSecretAsync(Name, Marker, ground.Stop)).EnsureSuccess();
        CommandResult loud = await api.Gateway.Kubectl.RunAsync(ground.Stop, "get", "secret", Name, "-o", "yaml");
        return new Outcome(
            found.Length == 0 ? Trial.Refused($"{logs.Length} characters of logs with none of them") : Trial.Success($"{found.Length} secrets are in the logs"),
            secrets.Any(secret => loud.Output.Contains(secret, StringComparison.Ordinal))
                ? Trial.Success("the same search finds the Secret in what a client prints")
                : Trial.Refused("not found in what a client prints"));
    }
}

/// <summary>Command lines and environments, which every user of the machine or root reads.</summary>
internal sealed class SecretsInCommandLines() : Attack(
    "secrets-in-command-lines", Attacker.Neighbour, "the list of processes with their arguments", Promise.Protected, "programs take keys from files and sockets, never as arguments or from the environment")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        byte[] kek = await cluster.KekAsync();
        int[] ours = [cluster.Enclave.Id, cluster.Broker.Id];
        string[] found = [.. ours.SelectMany(id => (string[])[$"/proc/{id}/cmdline", $"/proc/{id}/environ"]).Where(file => VisitorTakesFiles.Holds(file, kek))];
        await using ChildProcess careless = ChildProcess.Start("careless", ground.Folder, "sh", "-c", "sleep 60; exit", Convert.ToHexStringLower(kek));
        await Task.Delay(100, ground.Stop);
        return new Outcome(
            found.Length == 0 ? Trial.Refused("not in arguments or environment of enclave and broker") : Trial.Success(string.Join(", ", found)),
            VisitorTakesFiles.Holds($"/proc/{careless.Id}/cmdline", kek) ? Trial.Success("a program that is given the key as an argument is found") : Trial.Refused("not found"));
    }
}

/// <summary>The enclave is made to crash, for what it leaves on disk.</summary>
internal sealed class CoreDump() : Attack(
    "core-dump-of-the-enclave", Attacker.Visitor, "the right to crash the enclave and to read core files", Promise.Protected,
    "the enclave sets its limit for core files to 0, and its keys are in memory that is left out of dumps")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        string limits = await File.ReadAllTextAsync($"/proc/{cluster.Enclave.Id}/limits", ground.Stop);
        string mine = limits.Split('\n').Single(line => line.StartsWith("Max core file size", StringComparison.Ordinal));
        bool leftOut = LeavesKeysOut(cluster.Enclave.Id);

        // Another process of the same user, which nobody has told to.
        await using ChildProcess other = ChildProcess.Start("other", ground.Folder, "bash", "-c", "ulimit -S -c $(ulimit -H -c); sleep 60");
        await Task.Delay(300, ground.Stop);
        string theirs = (await File.ReadAllTextAsync($"/proc/{other.Id}/limits", ground.Stop)).Split('\n').Single(line => line.StartsWith("Max core file size", StringComparison.Ordinal));
        return new Outcome(
            CoreLimit(mine) == "0" && leftOut ? Trial.Refused("core limit 0; its key memory is marked as left out of dumps") : Trial.Success($"{mine}; keys left out: {leftOut}"),
            CoreLimit(theirs) != "0" ? Trial.Success($"another process of this user: core limit {CoreLimit(theirs)}") : Trial.Refused("this machine allows nobody a core file"));
    }

    private static string CoreLimit(string line) => line["Max core file size".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];

    // VmFlags "dd" (do not dump) on the mappings that are wiped on fork, which are the ones with keys.
    private static bool LeavesKeysOut(int process)
    {
        string[] keys = [.. File.ReadLines($"/proc/{process}/smaps").Where(line => line.StartsWith("VmFlags:", StringComparison.Ordinal) && line.Contains(" wf", StringComparison.Ordinal))];
        return keys.Length > 0 && keys.All(line => line.Contains(" dd", StringComparison.Ordinal));
    }
}

/// <summary>Buffers of requests and answers, after the call.</summary>
internal sealed class PlaintextLeftBehind() : Attack(
    "plaintext-left-in-the-enclave", Attacker.Resident, "root in a guest shared with the enclave: its memory after Secrets went through", Promise.NotProtected,
    "values that went through lately: buffers of TLS and HTTP/2 are not wiped; keys are")
{
    private const string Marker = "PLAINTEXT-LEFT-IN-THE-ENCLAVE-32";

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.OwnClusterAsync();
        byte[] marker = Encoding.ASCII.GetBytes(Marker);
        byte[] value = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(Marker, 4096)));
        bool before = ProcessMemory.Has(cluster.Enclave.Id, marker);
        for (int i = 0; i < 8; i++)
        {
            string key = $"{Cluster.Secrets}{Name}/{i}";
            await Cluster.WriteAsync(cluster.Through, key, value, ground.Stop);
            await Cluster.ReadAsync(cluster.Through, key, ground.Stop);
        }

        return new Outcome(
            ProcessMemory.Has(cluster.Enclave.Id, marker) ? Trial.Success("a value is in the enclave's memory when its calls are over") : Trial.Refused("not found"),
            Contrast: before ? Trial.Success("found before it was there") : Trial.Refused("not there before"));
    }
}
