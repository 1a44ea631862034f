using System.Text;

namespace Cloister.Cli.Init;

/// <summary>The commands that follow, in their order: <c>NEXT.md</c>.</summary>
internal static class NextSteps
{
    /// <summary>For a control-plane node.</summary>
    internal static string Node(InitValues values)
    {
        bool manual = InitValues.Scalar(values.Section("custody")!, "mode") == "manual";
        StringBuilder text = Head("Node", "on every control-plane node, one after the other, with the same files: the digest of `enclave.yaml` is in policies, and `cloister rollout` compares the files of `encryption/` byte for byte");
        Block(text, "Start the enclave.", "sudo install -m 0644 enclave.yaml /etc/cloister/enclave.yaml", "sudo systemctl enable --now cloister-enclave");
        Block(
            text, manual ? "The same KEK for every node; keep a copy of it elsewhere." : "The broker releases the KEK once its policy accepts this enclave.",
            manual ? "cloister kek import --admin-socket /run/cloister/admin.sock --name NAME --operator-key operator.key < KEK" : "cloister kek list --admin-socket /run/cloister/admin.sock");
        if (values.HasKms)
        {
            Block(text, "It answers as an API server needs it.", $"cloister probe --socket {InitFiles.KmsSocket}");
            RollOut(text, values);
        }
        else
        {
            text.Append("\nThen the API servers: `cloister init kubeadm`, and docs/gateway.md, \"Adopt\".\n");
        }

        return text.ToString();
    }

    /// <summary>For a broker.</summary>
    /// <param name="values">The values.</param>
    /// <param name="policies">How many policies there are: 2 with that of the KEK.</param>
    internal static string Broker(InitValues values, int policies)
    {
        StringBuilder text = Head("Broker", "on the broker's machine, which is no node of the cluster");
        Block(text, "Start it.", "sudo install -m 0640 -g cloister-broker broker.yaml /etc/cloister/broker.yaml", "sudo systemctl enable --now cloister-broker");
        string[] make = policies == 2 ? [] : ["cloister policy from-measurement --tee TEE ... --kek-policy --config enclave.yaml --wraps N --unwraps N > release-policy.yaml"];
        Block(
            text,
            policies switch
            {
                2 => "The policy of the KEK. It names the digest of `enclave.yaml`: when that changes, as with another pin of the broker, make both anew.",
                1 => "The policy of the KEK: the rules of `appraisal-policy.yaml`, with the enclave's configuration and a budget (`policy.lease` in the values).",
                _ => "The policy of the KEK, from the measurement.",
            },
            [.. make, "cloister policy set --name production --file release-policy.yaml --context FILE"]);
        Block(text, "The KEK.", $"cloister kek create --name {(values.Section("broker") is { } broker ? InitValues.Scalar(broker, "kek") : null) ?? "NAME"} --cluster {values.Cluster} --policy production --context FILE");
        return text.ToString();
    }

    /// <summary>For API servers that kubeadm made.</summary>
    internal static string Kubeadm(InitValues values)
    {
        StringBuilder text = Head("kubeadm", "on every control-plane node, one after the other");
        List<string> files = ["sudo install -d -m 0755 /etc/kubernetes/cloister"];
        if (values.HasKms)
        {
            files.Add($"sudo install -m 0600 encryption/readers.yaml {InitFiles.InForce}");
        }

        Block(text, "The files.", [.. files]);
        Block(
            text, "Merge `apiServer` of `kubeadm.yaml` into the cluster's own ClusterConfiguration (`kubectl -n kube-system get cm kubeadm-config -o yaml`), as CONFIG; once for the cluster, so that `upgrade` and `join` have it.",
            "sudo kubeadm init phase upload-config kubeadm --config CONFIG");
        Block(text, "The API server, node by node: the next one when this one is ready.", "sudo kubeadm init phase control-plane apiserver --config CONFIG --patches patches", "kubectl --server https://THIS-NODE:6443 get --raw /readyz");
        Block(text, "From then on kubeadm needs the patches each time.", "sudo kubeadm upgrade apply VERSION --patches patches", "sudo kubeadm upgrade node --patches patches", "sudo kubeadm join ... --control-plane --patches patches");
        if (values.HasKms)
        {
            RollOut(text, values);
        }

        return text.ToString();
    }

    private static void RollOut(StringBuilder text, InitValues values)
    {
        string servers = string.Join(' ', values.Nodes.Select(node => $"--api-server {node.Name}={node.Url}")) + (values.GatewayUrl is { } gateway ? $" --gateway {gateway}" : "");
        Block(
            text, "Roll out, from a machine with kubectl: after each `next`, what it says, node by node, until `status` shows it everywhere.",
            $"cloister rollout status --phases encryption {servers}",
            $"cloister rollout next --phases encryption {servers}",
            "cloister etcd rewrap --endpoints ETCD --secrets-socket /run/cloister/secrets.sock --include-plaintext",
            "cloister etcd coverage --endpoints ETCD",
            $"cloister rollout next --phases encryption {servers} --endpoints ETCD");
    }

    private static StringBuilder Head(string title, string where) => new($"# {title}\n\nIn this order, {where}.\n");

    private static void Block(StringBuilder text, string what, params IEnumerable<string> commands) =>
        text.Append('\n').Append(what).Append("\n\n```\n").AppendJoin('\n', commands).Append("\n```\n");
}
