using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Nodes;

/// <summary>When the packages of a node refuse to be removed: the script that dpkg runs, on machines of all kinds.</summary>
public sealed class GuardTests
{
    private static readonly (string Path, string Text, bool Refused)[] Cases =
    [
        ("/etc/kubernetes/enc.yaml", "kind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [{kms: {name: a, endpoint: 'unix:///run/cloister/kms.sock'}}]}]\n", true),
        ("/etc/kubernetes/enc.json", """{"kind":"EncryptionConfiguration","resources":[{"providers":[{"kms":{"endpoint":"unix:\/\/\/run\/cloister\/kms.sock"}}]}]}""", true),
        ("/etc/kubernetes/a/b/enc.yaml", "kind: EncryptionConfiguration\nendpoint: unix:///var/run/cloister/kms.sock\n", true),
        ("/etc/kubernetes/enc.yaml", "kind: EncryptionConfiguration\nendpoint: \"unix:////run//cloister/kms.sock\"\n", true),
        // Another place, which the API server's pod or its process names.
        ("/srv/enc.yaml", "kind: EncryptionConfiguration\nendpoint: unix:///run/cloister/kms.sock\n", true),
        // Another socket, which the enclave's own configuration names.
        ("/etc/kubernetes/enc.yaml", "kind: EncryptionConfiguration\nendpoint: unix:///run/other/kms.sock\n", true),
        ("/etc/kubernetes/manifests/kube-apiserver.yaml", "command: [kube-apiserver, '--etcd-servers-overrides=/secrets#https://127.0.0.1:2479']\n", true),
        // Nobody uses it.
        ("/etc/kubernetes/enc.yaml", "kind: EncryptionConfiguration\nproviders: [{kms: {endpoint: unix:///run/vault/kms.sock}}]\n", false),
        ("/etc/kubernetes/enc.yaml", "kind: EncryptionConfiguration\n# endpoint: unix:///run/cloister/kms.sock\nproviders: [{identity: {}}] # unix:///run/cloister/kms.sock\n", false),
        ("/etc/kubernetes/manifests/kube-apiserver.yaml", "command: [kube-apiserver, '--etcd-servers-overrides=/events#https://127.0.0.1:2479']\n", false),
        ("/etc/kubernetes/notes.txt", "the socket is unix:///run/cloister/kms.sock\n", false),
    ];

    [Fact]
    public async Task A_package_stays_while_an_API_server_is_told_to_use_it_and_goes_when_none_is()
    {
        await using Machine machine = await Machine.BootAsync();
        await machine.RunAsync("dpkg -i /packages/cloister_*.deb /packages/cloister-enclave_*.deb /packages/cloister-relay_*.deb");
        List<string> wrong = [];
        foreach (string package in (string[])["cloister-enclave", "cloister-relay"])
        {
            foreach ((string path, string text, bool refused) in Cases)
            {
                await machine.RunAsync("rm -rf /etc/kubernetes /srv/enc.yaml; mkdir -p /etc/kubernetes/manifests");
                await machine.WriteAsync("/etc/cloister/enclave.yaml", "kms: {listen: \"unix:/run/other/kms.sock\"}\n");
                await machine.WriteAsync(path, text);
                if (path.StartsWith("/srv", StringComparison.Ordinal))
                {
                    await machine.WriteAsync("/etc/kubernetes/manifests/kube-apiserver.yaml", $"command:\n- kube-apiserver\n- --encryption-provider-config={path}\n");
                }

                Said said = await machine.TryAsync($"/var/lib/dpkg/info/{package}.prerm remove");
                if ((said.ExitCode != 0) != refused || said.Errors.Contains($"{package}: not removed: ", StringComparison.Ordinal) != refused)
                {
                    wrong.Add($"{package} {path} {text}: {said}");
                }

                // An upgrade is no removal.
                await machine.RunAsync($"/var/lib/dpkg/info/{package}.prerm upgrade 99");
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));

        // A process that runs with the flag, whatever files there are.
        await machine.RunAsync("rm -rf /etc/kubernetes; mkdir -p /srv");
        await machine.WriteAsync("/srv/enc.yaml", Cases[0].Text);
        await machine.RunAsync("systemd-run --quiet --unit=api bash -c 'sleep 600; : --encryption-provider-config=/srv/enc.yaml '");
        Assert.Contains(
            "/root/srv/enc.yaml names", (await machine.TryAsync("/var/lib/dpkg/info/cloister-enclave.prerm remove")).Errors, StringComparison.Ordinal);
    }
}
