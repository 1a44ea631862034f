namespace Cloister.Packages.Tests.Machines;

/// <summary>etcd and real API-server code in a machine, below <c>/opt/kubernetes</c>; API servers are started as <c>kube-apiserver</c>, as documents write it.</summary>
internal static class Kubernetes
{
    internal const string Kubectl = "/opt/kubernetes/kubectl --kubeconfig /tmp/kubeconfig";

    // What a document leaves out with "..." is given here, and an etcd where it names none. Its own options go on.
    private const string Wrapper = """
        #!/bin/bash
        [ "$1" != ... ] || shift
        systemctl stop apiserver 2>/dev/null || true
        [[ "$*" == *--etcd-servers=* ]] || set -- --etcd-servers=http://127.0.0.1:2379 "$@"
        exec systemd-run --quiet --collect --unit apiserver /opt/kubernetes/apiserver --cert-dir /tmp/apiserver --write-kubeconfig /tmp/kubeconfig --secure-port 6443 "$@"

        """;

    /// <summary>Option of systemd-nspawn for the programs, or skips the test with the reason why there are none here.</summary>
    /// <param name="folder">A folder to be made for them.</param>
    internal static async Task<string> BindAsync(string folder)
    {
        Said harness = await Shell.RunAsync(Shell.InRepository("eng", "apiserver-harness"));
        Assert.SkipWhen(harness.ExitCode == 77, harness.Errors.Trim());
        (await Shell.BashAsync($"mkdir '{folder}'; cp -L '{harness.MustSucceed().Split('\n')[^1]}'/bin/{{apiserver,etcd,etcdctl,kubectl}} '{folder}/'")).MustSucceed();
        return $"--bind-ro={folder}:/opt/kubernetes";
    }

    /// <summary>Starts an etcd with nothing in it, in the place of the one before, and has commands find an API server.</summary>
    internal static async Task StartEtcdAsync(Machine machine)
    {
        await machine.WriteAsync("/usr/bin/kube-apiserver", Wrapper);
        await machine.RunAsync(
            "chmod 0755 /usr/bin/kube-apiserver; ln -sf /opt/kubernetes/kubectl /usr/bin/kubectl; systemctl stop apiserver etcd 2>/dev/null || true; rm -rf /tmp/etcd; "
            + "systemd-run --quiet --collect --unit etcd /opt/kubernetes/etcd --data-dir /tmp/etcd --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls http://127.0.0.1:2379 "
            + "--listen-peer-urls http://127.0.0.1:2380");
    }

    /// <summary>Creates a Secret once the API server is ready; what etcd then has, without what cannot be printed.</summary>
    internal static async Task<string> CreateAsync(Machine machine, string name)
    {
        await machine.EventuallyAsync($"{Kubectl} get --raw /readyz; {Kubectl} create secret generic {name} --from-literal=password=hunter2");
        Assert.Equal("hunter2", await ReadAsync(machine, name));
        return await machine.RunAsync($"/opt/kubernetes/etcdctl get /registry/secrets/default/{name} --print-value-only | tr -c '[:print:]' .");
    }

    /// <summary>The password in a Secret.</summary>
    internal static Task<string> ReadAsync(Machine machine, string name) => machine.RunAsync($"{Kubectl} get secret {name} -o 'jsonpath={{.data.password}}' | base64 -d");
}
