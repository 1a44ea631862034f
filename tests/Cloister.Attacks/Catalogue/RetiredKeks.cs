using System.Security.Cryptography;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;

namespace Cloister.Attacks.Catalogue;

/// <summary>etcd, an enclave in custody manual, and an old version of its KEK that values are under; the new one is <see cref="Next"/>.</summary>
internal sealed class RetirableKek
{
    private const string Secret = "{\"kind\":\"Secret\",\"apiVersion\":\"v1\"}";

    private RetirableKek(EtcdServer etcd, DevEnclave enclave, KnownKek old)
    {
        Etcd = etcd;
        Enclave = enclave;
        Old = old;
    }

    internal EtcdServer Etcd { get; }

    internal DevEnclave Enclave { get; }

    internal KnownKek Old { get; }

    internal byte[] Next { get; } = RandomNumberGenerator.GetBytes(32);

    internal string SecretsSocket => (string)Enclave.Ready["secretsSocket"]!;

    internal static async Task<RetirableKek> StartAsync(Ground ground)
    {
        EtcdServer etcd = await ground.AddAsync(EtcdServer.StartAsync(await Ground.ProgramsAsync(), ground.Folder, ground.Stop));
        DevEnclave enclave = await ground.AddAsync(DevEnclave.StartAsync(ground.PathOf("enclave")));
        byte[] key = RandomNumberGenerator.GetBytes(32);
        CliResult imported = await CliProcess.RunWithInputAsync(key, "kek", "import", "--socket", enclave.AdminSocket, "--name", "prod", "-o", "json");
        KnownKek old = new(key, (string)imported.MustSucceed().Json["keyId"]!);
        const string Usual = $"{Cluster.Secrets}usual/one";
        await etcd.PutAsync(Usual, old.KmsV2("tee", Usual, Secret), ground.Stop);
        return new RetirableKek(etcd, enclave, old);
    }

    /// <summary>What is stored under a key for one of the values that a rewrap leaves.</summary>
    internal byte[] Left(string what, string key) => what switch
    {
        "kms-v1" => Old.KmsV1("tee", key, Secret),
        "provider" => Old.KmsV2("tee-before", key, Secret),
        _ => Old.KmsV2("tee", key, Secret),
    };

    internal Task<CliResult> RotateAsync(params string[] more) => CliProcess.RunWithInputAsync(
        Next,
        [
            "etcd", "rotate", "--endpoints", Etcd.Url, "--socket", Enclave.KmsSocket, "--secrets-socket", SecretsSocket, "--admin-socket", Enclave.AdminSocket,
            "--name", "prod", "--version", "2", "--settle", "0", "--wait", "5", "-o", "json", .. more,
        ]);

    internal Task<CliResult> RetireAsync(params string[] how) =>
        CliProcess.RunAsync(["kek", "retire", "--socket", Enclave.AdminSocket, "--key-id", Old.KeyId, "--yes-retire", Old.KeyId, "-o", "json", .. how]);

    /// <summary>Whether the old version is gone.</summary>
    internal async Task<Trial> OutcomeAsync(CliResult of)
    {
        string keks = (await CliProcess.RunAsync("kek", "list", "--socket", Enclave.AdminSocket, "-o", "json")).MustSucceed().Output;
        return keks.Contains(Old.KeyId, StringComparison.Ordinal)
            ? Trial.Refused($"exit {of.ExitCode}: {of.Errors.Trim().Split('\n')[^1]}")
            : Trial.Success($"exit {of.ExitCode}, and the KEK is gone that a value in etcd needs");
    }
}

/// <summary>A rotation that retires the old KEK while a value is left that its rewrap does not cover.</summary>
internal abstract class RotatedAway(string name, string what, string key, string left) : Attack(
    name, Attacker.Operator, $"runs 'etcd rotate --retire' with {left}", Promise.Protected,
    "before a KEK goes all of etcd is scanned for values that name it, of any kind, provider and format")
{
    public override TimeSpan Limit => TimeSpan.FromMinutes(5);

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        RetirableKek it = await RetirableKek.StartAsync(ground);
        await it.Etcd.PutAsync(key, it.Left(what, key), ground.Stop);
        Trial attempt = await it.OutcomeAsync(await it.RotateAsync("--retire", it.Old.KeyId));
        Trial control = await it.OutcomeAsync(await it.RetireAsync("--without-scan", it.Old.KeyId));
        return new Outcome(attempt, control);
    }
}

internal sealed class RotatedAwayKmsV1() : RotatedAway("rotate-retire-kms-v1-left", "kms-v1", $"{Cluster.Secrets}left/v1", "a value of KMS v1 left");

internal sealed class RotatedAwayProvider() : RotatedAway("rotate-retire-other-provider-left", "provider", $"{Cluster.Secrets}left/provider", "a value by another provider name on the same KEK left");

internal sealed class RotatedAwayKind() : RotatedAway("rotate-retire-other-kind-left", "kind", "/registry/configmaps/left/kind", "an encrypted ConfigMap left");

internal sealed class RotatedAwayPrefix() : RotatedAway("rotate-retire-other-prefix-left", "prefix", "/elsewhere/secrets/left/prefix", "a Secret under another etcd prefix left");

/// <summary>The old KEK is retired by hand while everything is still under it.</summary>
internal sealed class RetiredTooEarly() : Attack(
    "kek-retire-values-left", Attacker.Operator, "runs 'kek retire' before the rewrap", Promise.Protected,
    "'kek retire' scans etcd, twice, and refuses while a value needs the KEK; without etcd or a fresh report it refuses too")
{
    public override TimeSpan Limit => TimeSpan.FromMinutes(5);

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        RetirableKek it = await RetirableKek.StartAsync(ground);
        (await CliProcess.RunWithInputAsync(it.Next, "kek", "import", "--socket", it.Enclave.AdminSocket, "--name", "prod", "--version", "2")).MustSucceed();
        Trial unseen = await it.OutcomeAsync(await it.RetireAsync());
        Trial attempt = unseen.Succeeded ? unseen : await it.OutcomeAsync(await it.RetireAsync("--endpoints", it.Etcd.Url, "--confirm", "0"));
        return new Outcome(attempt, await it.OutcomeAsync(await it.RetireAsync("--without-scan", it.Old.KeyId)));
    }
}

/// <summary>Secrets are rewritten through the API server behind the gateway, which writes nothing, and the old KEK is disabled.</summary>
internal sealed class RewrittenNowhere() : Attack(
    "no-op-rewrite-then-disable", Attacker.Operator, "rewrites all Secrets with kubectl behind the gateway, which ends well, and then runs 'kek disable'", Promise.Protected,
    "an API server leaves out writes that change nothing; 'kek disable' scans etcd and refuses while values need the KEK")
{
    public override TimeSpan Limit => TimeSpan.FromMinutes(5);

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.OwnClusterAsync();
        (_, Kubectl kubectl) = await cluster.StartApiServerAsync("behind", null, ground.Stop);
        (await kubectl.CreateSecretAsync(Name, "REWRITTEN-NOWHERE", ground.Stop)).EnsureSuccess();
        string key = $"{Cluster.Secrets}default/{Name}";
        byte[] before = (await Cluster.ReadAsync(cluster.Direct, key, ground.Stop))!;
        string context = cluster.PathOf("context.json");
        await File.WriteAllTextAsync(
            context,
            new System.Text.Json.Nodes.JsonObject
            {
                ["broker"] = cluster.Broker.AdminUrl!.ToString(), ["pin"] = cluster.Broker.Pin,
                ["certificate"] = cluster.Administrator.Certificate, ["key"] = cluster.Administrator.Key,
            }.ToJsonString(),
            ground.Stop);
        (await CliProcess.RunAsync("kek", "rotate", "--name", "secrets", "--active-in", "0s", "--context", context)).MustSucceed();
        await cluster.RestartEnclaveAsync();
        await cluster.UntilServingAsync(ground.Stop);

        CommandResult got = await kubectl.RunAsync(ground.Stop, "get", "secret", Name, "-o", "json");
        await File.WriteAllTextAsync(cluster.PathOf("secret.json"), got.EnsureSuccess(), ground.Stop);
        (await kubectl.RunAsync(ground.Stop, "replace", "-f", cluster.PathOf("secret.json"))).EnsureSuccess();
        byte[] after = (await Cluster.ReadAsync(cluster.Direct, key, ground.Stop))!;
        string[] disable = ["kek", "disable", "--name", "secrets", "--version", "1", "--context", context];
        CliResult refused = await CliProcess.RunAsync([.. disable, "--endpoints", cluster.Etcd.Url]);
        CliResult waived = await CliProcess.RunAsync([.. disable, "--without-scan", "secrets/1"]);
        string rewritten = before.AsSpan().SequenceEqual(after) ? "'kubectl replace' ended well and wrote nothing" : "'kubectl replace' wrote";
        return new Outcome(
            refused.ExitCode == Cli.ExitCode.Done ? Trial.Success("disabled") : Trial.Refused($"{rewritten}; {refused.Errors.Trim().Split('\n')[^1]}"),
            waived.ExitCode == Cli.ExitCode.Done ? Trial.Success("without a scan it is disabled, and the Secret with it") : Trial.Refused(waived.Errors.Trim()));
    }
}

/// <summary>Values that name the current KEK and are another Secret's are taken for done.</summary>
internal sealed class MovedAndCurrent() : Attack(
    "moved-value-called-current", Attacker.EtcdWriter, "put a Secret's value under another key, and waits for the operator's rewrap to say that all is well", Promise.Protected,
    "rewrap opens what it calls current: what does not open under its key is counted, exit 2")
{
    public override TimeSpan Limit => TimeSpan.FromMinutes(5);

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        RetirableKek it = await RetirableKek.StartAsync(ground);
        const string Moved = $"{Cluster.Secrets}moved/one";
        await it.Etcd.PutAsync(Moved, it.Old.KmsV2("tee", $"{Cluster.Secrets}elsewhere/one", "{}"), ground.Stop);
        CliResult rewrap = await CliProcess.RunAsync("etcd", "rewrap", "--endpoints", it.Etcd.Url, "--socket", it.SecretsSocket, "-o", "json");
        CliResult byForm = await CliProcess.RunAsync("etcd", "coverage", "--endpoints", it.Etcd.Url, "--key-id", it.Old.KeyId, "--require", "current", "-o", "json");
        return new Outcome(
            rewrap.ExitCode == Cli.ExitCode.Done ? Trial.Success("all current") : Trial.Refused($"exit {rewrap.ExitCode}, undecryptable {rewrap.Json["undecryptable"]}"),
            byForm.ExitCode == Cli.ExitCode.Done ? Trial.Success("by its form alone, as coverage without --verify looks at it, it is current") : Trial.Refused(byForm.Errors.Trim()));
    }
}

/// <summary>A recovery drill on what shows nothing.</summary>
internal abstract class Drill(string name, string has, string how) : Attack(name, Attacker.Operator, has, Promise.Protected, how)
{
    protected static async Task<(KnownKek Kek, string Snapshot)> SnapshotAsync(Ground ground)
    {
        HarnessPrograms programs = await Ground.ProgramsAsync();
        KnownKek kek = new(RandomNumberGenerator.GetBytes(32), SeededValues.KeyId(1));
        await File.WriteAllBytesAsync(ground.PathOf("kek"), kek.Key, ground.Stop);
        await using EtcdServer etcd = await EtcdServer.StartAsync(programs, ground.Folder, ground.Stop);
        for (int i = 0; i < 20; i++)
        {
            string key = $"{Cluster.Secrets}ns/{i}";
            await etcd.PutAsync(key, kek.KmsV2("tee", key, "{}"), ground.Stop);
        }

        (await Command.RunAsync(programs.PathOf("etcdctl"), ["--endpoints", etcd.Url, "snapshot", "save", ground.PathOf("snapshot")], ground.Stop)).EnsureSuccess();
        return (kek, ground.PathOf("snapshot"));
    }

    protected static Task<CliResult> RunAsync(Ground ground, string snapshot, params string[] more) => CliProcess.RunAsync(
        ["etcd", "decrypt", "--snapshot", snapshot, "--cluster", KnownKek.Cluster, "--kek", ground.PathOf("kek"), "--list", "-o", "json", .. more]);

    protected static Trial Of(CliResult drill, string ok) =>
        drill.ExitCode == Cli.ExitCode.Done ? Trial.Success(ok) : Trial.Refused($"exit {drill.ExitCode}: {drill.Errors.Trim().Split('\n')[^1]}");
}

internal sealed class CorruptDrill() : Drill(
    "drill-on-corrupt-snapshot", "a snapshot that a disk changed, beside the Secrets that the drill reads",
    "a drill checks the snapshot's checksum and every page, as bbolt's own check does, before it reads one Secret")
{
    private const int PageSize = 4096;
    private const int Unused = 512;

    public override TimeSpan Limit => TimeSpan.FromMinutes(5);

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        (_, string snapshot) = await SnapshotAsync(ground);
        byte[] bytes = await File.ReadAllBytesAsync(snapshot, ground.Stop);

        byte[] database = bytes[..^32];
        CliResult sound = await RunAsync(ground, snapshot);
        database[UnusedByte(database)] ^= 1;
        await File.WriteAllBytesAsync(ground.PathOf("changed"), [.. database, .. bytes[^32..]], ground.Stop);
        await File.WriteAllBytesAsync(ground.PathOf("unchecked"), [.. database, .. SHA256.HashData(database)], ground.Stop);
        CliResult changed = await RunAsync(ground, ground.PathOf("changed"));
        CliResult control = await RunAsync(ground, ground.PathOf("unchecked"));
        return new Outcome(
            sound.ExitCode == Cli.ExitCode.Done ? Of(changed, "every Secret opens, it says") : Trial.Success("the sound one does not pass either"),
            Of(control, "with a checksum that was made after the change it passes: the byte is in no page's use"));
    }

    // bbolt fills pages from their start: the end of a page that is all zeros belongs to none of its elements.
    private static int UnusedByte(byte[] database)
    {
        for (int end = database.Length; end > 4 * PageSize; end -= PageSize)
        {
            if (!database.AsSpan(end - Unused, Unused).ContainsAnyExcept((byte)0))
            {
                return end - (Unused / 2);
            }
        }

        throw new InvalidOperationException("no unused bytes in this snapshot");
    }
}

internal sealed class EmptyDrill() : Drill(
    "drill-on-nothing", "a sound snapshot and a mistyped prefix", "what attests completeness fails on nothing: no keys are exit 2, and it says what it looked at")
{
    public override TimeSpan Limit => TimeSpan.FromMinutes(5);

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        (_, string snapshot) = await SnapshotAsync(ground);
        CliResult empty = await RunAsync(ground, snapshot, "--prefix", "/registry/secret/");
        CliResult told = await RunAsync(ground, snapshot, "--prefix", "/registry/secret/", "--allow-empty");
        return new Outcome(Of(empty, "every one of no Secrets opens, it says"), Of(told, "with --allow-empty, it is said to be well"));
    }
}
