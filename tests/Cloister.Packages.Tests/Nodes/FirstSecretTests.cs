using System.Text.RegularExpressions;
using Cloister.Cli.Tests.Harness;
using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Nodes;

/// <summary>
/// The section "First Secret" of docs/install.md to the letter, on a broker's machine and a node with a wire between them. Real API-server code and etcd run on the node. What is
/// changed, since there is no TEE: the enclave's program, its configuration's section <c>simulation</c>, and in the policy the digest of that configuration and the vendor's root.
/// </summary>
public sealed partial class FirstSecretTests : IDisposable
{
    private const string BrokerAddress = "10.77.0.1";
    private const string NodeAddress = "10.77.0.2";
    private const string Measurement = "51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed";
    private const string Stored = "/opt/kubernetes/etcdctl get /registry/secrets/default/first --print-value-only | sha256sum";
    private const string Simulation = """
        simulation: {sealingKeyFile: /var/lib/cloister/UNPROTECTED-sealing.key, vendorDirectory: /var/lib/cloister/vendor}

        """;

    private readonly ScratchFolder _shared = new();

    public void Dispose() => _shared.Dispose();

    [Fact]
    public async Task From_bare_machines_to_a_Secret_that_is_encrypted_in_etcd()
    {
        Said harness = await Shell.RunAsync(Shell.InRepository("eng", "apiserver-harness"));
        Assert.SkipWhen(harness.ExitCode == 77, harness.Errors.Trim());
        string section = SectionForm().Match(await File.ReadAllTextAsync(Shell.InRepository("docs", "install.md"), TestContext.Current.CancellationToken)).Value;
        Dictionary<string, string> blocks = BlockForm().Matches(section).ToDictionary(block => block.Groups["name"].Value, block => block.Groups["text"].Value);
        Assert.Equal(["broker", "broker.yaml", "node", "owner", "secret", "values.yaml"], blocks.Keys.Order(StringComparer.Ordinal));

        string folders = $"--bind={_shared.Path}:/shared";
        await using Machine broker = await Machine.BootAsync(folders);
        string rotation = RotationForm().Match(await OperationsAsync()).Groups["text"].Value;
        await using Machine node = await Machine.BootAsync(folders, $"--bind-ro={await KubernetesAsync(harness.MustSucceed().Split('\n')[^1])}:/opt/kubernetes");
        await Machine.ConnectAsync(broker, BrokerAddress, node, NodeAddress);
        await node.RunAsync($"echo {BrokerAddress} broker.example >>/etc/hosts; ln -s /packages/*.deb .; ln -s /shared/node node; /opt/dev/cloister-enclave-sim --make-vendor /shared/vendor");

        // The key owner's machine. Its first command has to be there before the key that goes into the configuration.
        await broker.RunAsync("ln -s /packages/*.deb .");
        string[] commands = blocks["broker"].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string keygen = commands.Single(command => command.StartsWith("cloister admin keygen", StringComparison.Ordinal));
        string alice = "", ready = "";
        foreach (string command in commands)
        {
            if (command.Contains("install -m", StringComparison.Ordinal))
            {
                await broker.WriteAsync("broker.yaml", $"{blocks["broker.yaml"].Replace("ALICE", alice, StringComparison.Ordinal)}otherRoots: allowed\n");
                await broker.RunAsync("mkdir -p /var/lib/cloister-broker; cp -r /shared/vendor/collateral /var/lib/cloister-broker/; chown -R cloister-broker /var/lib/cloister-broker");
            }

            ready = await broker.EventuallyAsync(ToRoot(command));
            alice = command == keygen ? PinForm().Match(ready).Value : alice;
        }

        string pin = PinForm().Match(ready).Value;
        await broker.WriteAsync("values.yaml", blocks["values.yaml"].Replace("PIN", pin, StringComparison.Ordinal).Replace("MEASUREMENT", Measurement, StringComparison.Ordinal));
        foreach (string command in blocks["owner"].Replace("PIN", pin, StringComparison.Ordinal).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            await broker.RunAsync(command);
            if (command.StartsWith("cloister init", StringComparison.Ordinal))
            {
                await SimulateAsync(broker);
            }
        }

        // The node.
        await broker.RunAsync("cp -r node /shared/node");
        await node.WriteAsync(
            "/etc/systemd/system/cloister-enclave.service.d/simulated.conf", "[Service]\nExecStartPre=+cp -rn /shared/vendor /var/lib/cloister/\nExecStart=\nExecStart=/opt/dev/cloister-enclave-sim --config /etc/cloister/enclave.yaml\n");
        await node.RunAsync(ToRoot(blocks["node"]));
        await node.EventuallyAsync("cloister probe --socket /run/cloister/kms.sock --api v2 --count 1");

        await node.RunAsync(
            "systemd-run --unit etcd /opt/kubernetes/etcd --data-dir /tmp/etcd --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380; "
            + "systemd-run --unit apiserver /opt/kubernetes/apiserver --cert-dir /tmp/apiserver --write-kubeconfig /tmp/kubeconfig --secure-port 6443 --etcd-servers http://127.0.0.1:2379 "
            + "--encryption-provider-config=/etc/kubernetes/cloister/encryption.yaml");
        await node.EventuallyAsync("export KUBECONFIG=/tmp/kubeconfig; PATH=$PATH:/opt/kubernetes; kubectl get --raw /readyz; " + blocks["secret"]);
        Assert.Equal("hunter2", await node.RunAsync("/opt/kubernetes/kubectl --kubeconfig /tmp/kubeconfig get secret first -o 'jsonpath={.data.password}' | base64 -d"));
        string stored = await node.RunAsync("ETCDCTL_API=3 /opt/kubernetes/etcdctl get /registry/secrets/default/first --print-value-only | tr -c '[:print:]' .");
        Assert.StartsWith("k8s:enc:kms:v2:tee:", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", stored, StringComparison.Ordinal);

        // The broker's rotation: etcd's lines on the node, the others on the key owner's machine.
        await broker.WriteAsync("alice.json", ContextForm().Match(await OperationsAsync()).Groups["text"].Value
            .Replace("https://broker.example:8444", "https://127.0.0.1:8444", StringComparison.Ordinal).Replace("sha256:<as the broker prints it>", pin, StringComparison.Ordinal));
        string[] steps = [.. rotation.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(step => step.Replace("payments", "prod", StringComparison.Ordinal).Replace("5m", "5s", StringComparison.Ordinal).Replace("ETCD", $"http://{NodeAddress}:2379", StringComparison.Ordinal))];
        Assert.Equal(6, steps.Length);
        foreach (string step in steps)
        {
            await (step.StartsWith("cloister etcd", StringComparison.Ordinal) ? node : broker).EventuallyAsync(step.Contains("rewrap", StringComparison.Ordinal) ? $"before=$({Stored}); {step}\ntest \"$before\" != \"$({Stored})\"" : step);
        }

        Assert.Equal("hunter2", await node.RunAsync("/opt/kubernetes/kubectl --kubeconfig /tmp/kubeconfig get secret first -o 'jsonpath={.data.password}' | base64 -d"));

        // What the section says of itself.
        Assert.Equal((8, 5), (commands.Length + Lines(blocks["owner"]), Lines(blocks["node"]) + Lines(blocks["secret"])));
    }

    private static Task<string> OperationsAsync() => File.ReadAllTextAsync(Shell.InRepository("docs", "operations.md"), TestContext.Current.CancellationToken);

    private static int Lines(string block) => block.Count(c => c == '\n');

    private static string ToRoot(string commands) => commands.Replace("sudo ", "", StringComparison.Ordinal);

    private async Task<string> KubernetesAsync(string harness)
    {
        (await Shell.BashAsync($"mkdir '{_shared["kubernetes"]}'; cp -L '{harness}'/bin/{{apiserver,etcd,etcdctl,kubectl}} '{_shared["kubernetes"]}/'")).MustSucceed();
        return _shared["kubernetes"];
    }

    // The configuration that a simulated enclave can start with has another digest, and its vendor another root.
    private static async Task SimulateAsync(Machine broker)
    {
        string before = await broker.RunAsync("sha384sum <node/enclave.yaml | cut -d' ' -f1");
        await broker.RunAsync($"cat >>node/enclave.yaml <<'END'\n{Simulation}END");
        string after = await broker.RunAsync("sha384sum <node/enclave.yaml | cut -d' ' -f1");
        await broker.RunAsync(
            $"grep -q {before} node/release-policy.yaml; sed -i s/{before}/{after}/ node/release-policy.yaml; "
            + "{ echo '  roots:'; echo '    - |'; sed 's/^/      /' /shared/vendor/root.pem; } >>node/release-policy.yaml");
    }

    [GeneratedRegex("^## First Secret.*?^## ", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex SectionForm();

    [GeneratedRegex("<!-- (?:run|file): (?<name>[a-z.]+) -->\n```[a-z]*\n(?<text>.*?)```\n", RegexOptions.Singleline)]
    private static partial Regex BlockForm();

    [GeneratedRegex("<!-- run: rotate -->\n```\n(?<text>.*?)```\n", RegexOptions.Singleline)]
    private static partial Regex RotationForm();

    [GeneratedRegex("<!-- file: alice.json -->\n```\n(?<text>.*?)```\n", RegexOptions.Singleline)]
    private static partial Regex ContextForm();

    [GeneratedRegex("sha256:[A-Za-z0-9+/=]+")]
    private static partial Regex PinForm();
}
