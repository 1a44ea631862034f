using System.Security.Cryptography;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Attacks.Catalogue;

/// <summary>A host runs an enclave that is not the operator's, and the operator gives it a KEK without asking for evidence.</summary>
internal sealed class FalseEnclave() : Attack(
    "kek-imported-into-a-false-enclave", Attacker.Host, "an enclave of his own behind the admin socket, when an operator runs 'kek import'", Promise.NotProtected,
    "the KEK: 'kek import' gives it to whatever answers; 'provision' verifies evidence first")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        string folder = ground.PathOf("dev");
        await using DevEnclave enclave = await DevEnclave.StartAsync(folder);
        byte[] kek = RandomNumberGenerator.GetBytes(32);

        // To the operator's policy this enclave has another measurement.
        string policy = ground.PathOf("policy.yaml");
        string measured = await File.ReadAllTextAsync(Path.Combine(folder, "appraisal.yaml"), ground.Stop);
        await File.WriteAllTextAsync(policy, measured.Replace("51b1a7ed", "0bad0bad", StringComparison.Ordinal), ground.Stop);
        CliResult provisioned = await CliProcess.RunWithInputAsync(
            kek, "provision", "--enclave", $"unix:{enclave.AdminSocket}", "--name", "mine", "--kek-stdin", "--policy", policy,
            "--root", Path.Combine(folder, "vendor", "root.pem"), "--collateral", Path.Combine(folder, "vendor", "collateral"));
        Trial contrast = provisioned.ExitCode == 2 && !ProcessMemory.Has(enclave.EnclaveProcessId(), kek)
            ? Trial.Refused(provisioned.Errors.Trim().Split('\n')[^1])
            : Trial.Success($"provision: exit {provisioned.ExitCode}");
        CliResult imported = await CliProcess.RunWithInputAsync(kek, "kek", "import", "--socket", enclave.AdminSocket, "--name", "mine");
        return new Outcome(
            imported.ExitCode == 0 && ProcessMemory.Has(enclave.EnclaveProcessId(), kek) ? Trial.Success("the KEK is in his enclave's memory") : Trial.Refused(imported.ToString()),
            Contrast: contrast);
    }
}
