using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Brokers;

/// <summary>The packages of a broker's machine, booted.</summary>
public sealed class BrokerTests
{
    private const string Install = "dpkg -i /packages/cloister_*.deb /packages/cloister-broker_*.deb";

    // The authority's pin: the same as long as database and root key are.
    private const string Ready = "journalctl -u cloister-broker -o cat --no-pager | grep '^ready' | tail -n 1";

    [Fact]
    public async Task A_broker_runs_as_its_unit_says_and_keeps_its_database_over_kill_upgrade_downgrade_and_purge()
    {
        await using Machine machine = await Machine.BootAsync();
        await machine.RunAsync(Install);
        Assert.Equal("disabled", await machine.RunAsync("systemctl is-enabled cloister-broker || true"));
        Assert.Equal("inactive", await machine.RunAsync("systemctl is-active cloister-broker || true"));

        // A machine is a node or a broker.
        Said both = await machine.TryAsync("dpkg -i /packages/cloister-enclave_*.deb");
        Assert.NotEqual(0, both.ExitCode);
        Assert.Contains("conflict", both.Errors, StringComparison.Ordinal);

        string administrator = await machine.RunAsync("cloister admin keygen --name alice --certificate /root/alice.crt --key /root/alice.key | grep -oE 'sha256:[^ ]+' | head -n 1");
        await machine.WriteAsync("/etc/cloister/broker.yaml", $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: BrokerConfiguration
            listen: 127.0.0.1:8443
            database: sqlite:/var/lib/cloister-broker/broker.db
            rootKey: { file: /var/lib/cloister-broker/UNPROTECTED-root.key }
            collateral: { directory: /var/lib/cloister-broker/collateral }
            admin:
              listen: 127.0.0.1:8444
              administrators:
                - { name: alice, key: "{{administrator}}", roles: [auditor, operator] }

            """);
        await machine.RunAsync("systemctl enable --now cloister-broker");
        await machine.EventuallyAsync($"{Ready} | grep pin");
        string pin = await PinAsync(machine);
        Assert.Contains("alice", await WhoAsync(machine, pin), StringComparison.Ordinal);
        Assert.Equal("cloister-broker", await machine.RunAsync("stat -c %U /proc/$(systemctl show -P MainPID cloister-broker)"));

        string before = await PidAsync(machine);
        await machine.RunAsync("systemctl kill --kill-whom=main -s KILL cloister-broker");
        await machine.EventuallyAsync($"test \"$(systemctl show -P MainPID cloister-broker)\" != {before}; systemctl is-active cloister-broker");
        await WhoAsync(machine, pin);

        foreach (string folder in (string[])["/next", "/packages"])
        {
            before = await PidAsync(machine);
            await machine.RunAsync(Install.Replace("/packages", folder, StringComparison.Ordinal));
            Assert.NotEqual(before, await PidAsync(machine));
            await WhoAsync(machine, pin);
        }

        await machine.RebootAsync();
        await WhoAsync(machine, pin);
        Assert.Equal(pin, await PinAsync(machine));

        Said purged = await machine.TryAsync("dpkg --purge cloister-broker cloister");
        purged.MustSucceed();
        Assert.Contains("/var/lib/cloister-broker stays", purged.Errors, StringComparison.Ordinal);
        await machine.RunAsync("test -s /var/lib/cloister-broker/broker.db; test ! -e /usr/lib/cloister; test ! -e /usr/lib/systemd/system/cloister-broker.service");
    }

    [Fact]
    public async Task Its_first_start_is_as_the_document_says_and_so_is_what_comes_later_until_it_is_lost()
    {
        await using Machine machine = await Machine.BootAsync();
        await machine.RunAsync(Install);
        IReadOnlyDictionary<string, string> blocks = await DocumentBlocks.ReadAsync("broker.md", "First start");
        string key = (await machine.RunAsync(blocks["administrator"])).Split('\n')[^1];
        await machine.WriteAsync("/etc/cloister/broker.yaml", blocks["broker.yaml"].Replace("sha256:...", key, StringComparison.Ordinal));
        string[] start = DocumentBlocks.Commands(DocumentBlocks.AsRoot(blocks["broker"]));
        await machine.RunAsync(start[0]);
        Assert.Matches("^ready https://127.0.0.1:8443 pin sha256:[^ ]* admin https://127.0.0.1:8444$", await machine.EventuallyAsync(start[1]));
        string[] who = DocumentBlocks.Commands(blocks["whoami"]);
        Assert.StartsWith("{\"name\":\"alice\",\"roles\":[\"auditor\",\"operator\"],", await machine.RunAsync(who[0]), StringComparison.Ordinal);
        Assert.Equal("ok", await machine.RunAsync(who[1]));
        await new BrokerOperations(machine, await PinAsync(machine), blocks["broker.yaml"]).RunAsync();
    }

    private static Task<string> PinAsync(Machine machine) => machine.RunAsync($"{Ready} | sed -nE 's/.* pin (sha256:[^ ]+).*/\\1/p'");

    private static Task<string> PidAsync(Machine machine) => machine.RunAsync("systemctl show -P MainPID cloister-broker");

    // An administrator's call: over TLS that the pin vouches for.
    private static Task<string> WhoAsync(Machine machine, string pin) => machine.EventuallyAsync(
        $"cloister admin whoami --broker https://127.0.0.1:8444 --pin {pin} --certificate /root/alice.crt --key /root/alice.key");
}
