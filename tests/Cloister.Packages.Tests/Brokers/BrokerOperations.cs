using System.Text.Json.Nodes;
using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Brokers;

/// <summary>
/// Marked blocks of docs/operations.md that need a broker and no node, to the letter and in this order on the machine of one that runs: administrators, shares, rotation of its keys,
/// and its loss with its root key.
/// </summary>
internal sealed class BrokerOperations(Machine machine, string pin, string firstConfiguration)
{
    private const string Folder = "/root/operations";
    private const string RootKey = "UNPROTECTED-root.key";
    private const string NextRootKey = "UNPROTECTED-next.key";

    private readonly Dictionary<string, string> _administrators = [];
    private string[] _administer = [];

    internal async Task RunAsync()
    {
        await AppointAsync();
        await RunAsync(_administer);
        await RunAsync("cloister kek rotate --name payments --active-in 0s --context alice.json");
        Assert.Equal(2, (await KeyIdsAsync()).Length);
        string[] drill = await BackUpAsync();
        await RotateAsync(drill);
        await LoseAndRestoreAsync(drill);
    }

    // Alice and Bob, with every role and without the two-person rule, to be able to go on alone.
    private async Task AppointAsync()
    {
        string keygen = Assert.Single(await DocumentBlocks.OperationsAsync("Administrators of a broker", "keygen"));
        string context = (await DocumentBlocks.ReadAsync("operations.md", "Administrators of a broker"))["alice.json"]
            .Replace("https://broker.example:8444", "https://127.0.0.1:8444", StringComparison.Ordinal).Replace("sha256:<as the broker prints it>", pin, StringComparison.Ordinal);
        await machine.RunAsync($"mkdir {Folder}");
        foreach (string name in (string[])["alice", "bob"])
        {
            _administrators[name] = DocumentBlocks.PinIn(await RunAsync(keygen.Replace("alice", name, StringComparison.Ordinal)));
            await machine.WriteAsync($"{Folder}/{name}.json", context.Replace("alice", name, StringComparison.Ordinal));
        }

        await ConfigureAsync(RootKey);
        await machine.RunAsync("systemctl reload cloister-broker");
        _administer = await DocumentBlocks.OperationsAsync("Administrators of a broker", "administrators");
        Assert.Equal(4, _administer.Length);
        await machine.EventuallyAsync($"cd {Folder}; {_administer[0]}");

        string values = (await DocumentBlocks.ReadAsync("install.md", "First Secret: one node and a broker"))["values.yaml"];
        await machine.WriteAsync($"{Folder}/values.yaml", values.Replace("PIN", pin, StringComparison.Ordinal).Replace("MEASUREMENT", new string('5', 64), StringComparison.Ordinal));
        await RunAsync("cloister init node --values values.yaml --out node; cp node/release-policy.yaml production.yaml");
    }

    // Shares of both versions and of the authority; what the drill is.
    private async Task<string[]> BackUpAsync()
    {
        string[] backUp = await DocumentBlocks.OperationsAsync("Back up a broker", "back-up");
        Assert.Equal(6, backUp.Length);
        Keepers keepers = new(machine, Folder, backUp[0], backUp[2]);
        await keepers.MakeKeysAsync();
        await RunAsync(backUp[4].Replace("audit.jsonl", "last.jsonl", StringComparison.Ordinal));
        await RunAsync(backUp[1]);
        await keepers.OpenAsync("shares/payments-v2-", "");
        await RunAsync(backUp[1].Replace("--version 2", "--version 1", StringComparison.Ordinal).Replace("--directory shares", "--directory shares1", StringComparison.Ordinal));
        await keepers.OpenAsync("shares1/payments-v1-", "v1-");
        await RunAsync(backUp[3]);
        await RunAsync(backUp[4]);
        string verify = backUp[5].Replace("sha256:...", pin, StringComparison.Ordinal);
        await RunAsync(verify);
        Assert.Equal(2, (await machine.TryAsync($"cd {Folder}; sed -i s/payments/savings/ audit.jsonl; {verify}")).ExitCode);

        await RunAsync(await DocumentBlocks.OperationsAsync("Restore drill", "export-authority"));
        await keepers.OpenAsync("authority/authority-", "authority-");
        return [backUp[3]];
    }

    private async Task RotateAsync(string[] drill)
    {
        string[] before = await KeyIdsAsync();
        await RunAsync(await DocumentBlocks.OperationsAsync("Rotate keys", "rotate-keys"));

        await ConfigureAsync(RootKey, $"newRootKey: {{file: /var/lib/cloister-broker/{NextRootKey}}}\n");
        await RunAsync(await DocumentBlocks.OperationsAsync("Rotate keys", "rotate-root"));
        await ConfigureAsync(NextRootKey);
        await machine.RunAsync($"shred -u /var/lib/cloister-broker/{RootKey}; systemctl restart cloister-broker");
        await machine.EventuallyAsync($"cd {Folder}; {_administer[0]}");
        await RunAsync(drill);

        await RunAsync(await DocumentBlocks.OperationsAsync("Rotate keys", "rotate-authority"));
        await machine.RunAsync("systemctl restart cloister-broker");
        await machine.EventuallyAsync($"cd {Folder}; {_administer[0]}");
        await RunAsync(drill);
        Assert.Equal(before, await KeyIdsAsync());
    }

    // Database and root key are gone; shares, policies and the administrators' keys are not.
    private async Task LoseAndRestoreAsync(string[] drill)
    {
        string[] before = await KeyIdsAsync();
        await machine.RunAsync("systemctl stop cloister-broker; find /var/lib/cloister-broker -mindepth 1 -delete");
        await ConfigureAsync(RootKey, "", "  restoreUnknown: allowed\n");
        string[] restore = await DocumentBlocks.OperationsAsync("Restore drill", "restore-authority");
        Assert.Equal(5, restore.Length);
        Assert.Matches($"restored authority [0-9a-f]+ pin {System.Text.RegularExpressions.Regex.Escape(pin)}", string.Join('\n', await RunAsync(restore)));
        await machine.EventuallyAsync($"cd {Folder}; {_administer[0]}");
        Assert.Empty(await KeyIdsAsync());

        await RunAsync(_administer[2]);
        string kek = Assert.Single(await DocumentBlocks.OperationsAsync("Restore drill", "restore"));
        foreach (string version in (string[])["", "v1-"])
        {
            await RunAsync(kek.Replace(" A ", $" {version}share-1.txt ", StringComparison.Ordinal).Replace(" B ", $" {version}share-3.txt ", StringComparison.Ordinal));
        }

        Assert.Equal(before, await KeyIdsAsync());
        await RunAsync(drill);
    }

    private Task<string> ConfigureAsync(string rootKey, string more = "", string admin = "")
    {
        string start = firstConfiguration[..firstConfiguration.IndexOf("  administrators:", StringComparison.Ordinal)].Replace(RootKey, rootKey, StringComparison.Ordinal);
        IEnumerable<string> administrators = _administrators.Select(one => $"    - {{name: {one.Key}, key: \"{one.Value}\", roles: [auditor, operator, keyCustodian]}}\n");
        return machine.WriteAsync("/etc/cloister/broker.yaml", $"{start}{admin}  twoPersons: []\n  administrators:\n{string.Concat(administrators)}{more}");
    }

    private async Task<string[]> KeyIdsAsync() =>
        [.. JsonNode.Parse(await RunAsync("cloister kek list --context bob.json -o json"))!["keks"]!.AsArray()
            .SelectMany(kek => kek!["versions"]!.AsArray()).Select(version => (string)version!["keyId"]!).Order(StringComparer.Ordinal)];

    private async Task<string[]> RunAsync(string[] commands)
    {
        List<string> printed = [];
        foreach (string command in commands)
        {
            printed.Add(await RunAsync(command));
        }

        return [.. printed];
    }

    private Task<string> RunAsync(string command) => machine.RunAsync($"cd {Folder}; {command}");
}
