using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Cli.Output;
using Cloister.Cli.Policy;
using Cloister.LaunchMeasurement;
using Cloister.LaunchMeasurement.Snp;

namespace Cloister.Cli.Vm;

/// <summary><c>cloister vm measure</c>: what an enclave's VM will measure, from its files and without its hardware; and the policy that accepts it.</summary>
internal static class MeasureCommand
{
    private const int MaximumFirmware = 16 << 20;

    internal static Command Create()
    {
        Option<Tee> tee = new("--tee") { Description = "snp, tdx or nitro", Required = true };
        tee.AcceptOnlyFromAmong("snp", "tdx", "nitro");
        Option<string?> firmware = new("--firmware") { Description = "snp, tdx: the firmware file, such as OVMF.amdsev.fd" };
        LaunchOptions launch = new();
        Option<int?> cpus = new("--vcpus") { Description = "snp: number of vCPUs (1)" };
        Option<string?> cpu = new("--cpu") { Description = $"snp: QEMU's processor model (EPYC-v4): {string.Join(", ", SnpCpu.Models)}, each also with -vN; or a CPUID signature such as 0xa00f11" };
        Option<string?> vmm = new("--vmm") { Description = "snp: who starts the machine: qemu (default), ec2 or gce" };
        vmm.AcceptOnlyFromAmong("qemu", "ec2", "gce");
        Option<string?> features = new("--guest-features") { Description = "snp: SEV_FEATURES in hex (0x1)" };
        Option<string?> policy = new("--policy") { Description = "write the policy that accepts this machine to a new file" };
        Option<bool> add = new("--add") { Description = "with --policy: the file is there, and the values go beside those in it; nothing else in it changes" };
        Option<string> name = new("--name") { Description = "with --policy: the policy's name", DefaultValueFactory = _ => "measured" };
        Option<string[]> configurations = new("--bind") { Description = "with --policy: the enclave's configuration file, whose digest is in HOST_DATA or MRCONFIGID; may be repeated" };
        Option<string[]> any = new("--any") { Description = "with --policy: waive this rule; may be repeated" };
        Option<OutputFormat> output = CliOutput.Option();
        MeasurementOptions stated = new(LaunchValues.Computed);
        Command command = new("measure", "Compute what a machine of its own measures from its files: the launch digest of SEV-SNP, MRTD and RTMRs of TDX, PCRs of Nitro. No TEE is needed. What cannot be computed is named.")
        {
            tee, firmware, cpus, cpu, vmm, features, policy, add, name, configurations, any, output,
        };
        foreach (Option option in launch.All.Concat(stated.All))
        {
            command.Options.Add(option);
        }

        command.SetAction(parsed =>
        {
            Tee of = parsed.GetValue(tee);
            RefuseUnused(parsed, of, firmware, [cpus, cpu, vmm, features]);
            RefuseWithoutPolicy(parsed, policy, [add, configurations, any]);
            stated.Take(parsed, of);
            try
            {
                LaunchImage image = launch.Read(parsed);
                byte[] file = of == Tee.Nitro ? [] : BoundedFile.Read(parsed.GetValue(firmware)!, MaximumFirmware, firmware.Name);
                IReadOnlyList<LaunchValue> values = of switch
                {
                    Tee.Snp => LaunchValues.Snp(file, image, Machine(parsed.GetValue(cpus), parsed.GetValue(cpu), parsed.GetValue(vmm), parsed.GetValue(features))),
                    Tee.Tdx => LaunchValues.Tdx(file, image),
                    _ => LaunchValues.Nitro(image),
                };
                PolicyOutcome? outcome = parsed.GetValue(policy) is { } path
                    ? MeasuredPolicyFile.Write(path, parsed.GetValue(add), of, values, stated, PolicyFromMeasurementCommand.Plain("--name", parsed.GetValue(name)!), parsed.GetValue(configurations) ?? [], parsed.GetValue(any) ?? [])
                    : null;
                Print(of, file, image, values, outcome, parsed.GetValue(output));
                return ExitCode.Done;
            }
            catch (LaunchFileException e)
            {
                throw new CliException(e.Message);
            }
        });
        return command;
    }

    private static SnpMachine Machine(int? cpus, string? cpu, string? vmm, string? features)
    {
        if (!SnpCpu.TryParse(cpu ?? "EPYC-v4", out uint signature))
        {
            throw new CliException($"--cpu {CliOutput.Shown(cpu!)}: {string.Join(", ", SnpCpu.Models)} are known, each also with -vN, and signatures such as 0xa00f11");
        }

        string hex = features ?? "0x1";
        ulong bits = 0;
        return hex.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && ulong.TryParse(hex.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bits)
            ? new SnpMachine(cpus ?? 1, signature, Enum.Parse<SnpVmm>(vmm ?? "qemu", ignoreCase: true), bits)
            : throw new CliException("--guest-features is hexadecimal, such as 0x1 or 0x21");
    }

    // What would change nothing is no option of this TEE: who gave it means something else.
    private static void RefuseUnused(ParseResult parsed, Tee tee, Option<string?> firmware, IEnumerable<Option> snp)
    {
        if (tee != Tee.Nitro && parsed.GetValue(firmware) is null)
        {
            throw new CliException($"--tee {tee.ToString().ToLowerInvariant()} needs --firmware: the measurement covers it");
        }

        IEnumerable<Option> others = tee == Tee.Snp ? [] : snp;
        if (others.Concat(tee == Tee.Nitro ? [firmware] : []).FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } unused)
        {
            throw new CliException($"{unused.Name} says nothing about --tee {tee.ToString().ToLowerInvariant()}: leave it out");
        }
    }

    private static void RefuseWithoutPolicy(ParseResult parsed, Option<string?> policy, IEnumerable<Option> options)
    {
        if (parsed.GetValue(policy) is null && options.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } unused)
        {
            throw new CliException($"{unused.Name} is for --policy FILE");
        }
    }

    private static void Print(Tee tee, byte[] firmware, LaunchImage image, IReadOnlyList<LaunchValue> values, PolicyOutcome? policy, OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(Document(tee, firmware, image, values, policy));
        }
        else
        {
            CliOutput.Table(["REGISTER", "VALUE", "COVERS"], values.Where(value => value.Value is not null).Select(value => (IReadOnlyList<string>)[value.Name, value.Value!, value.Note]));
        }

        foreach (LaunchValue value in values.Where(value => value.Value is null))
        {
            Console.Error.WriteLine($"cloister: {value.Name} is not computed: {value.Note}");
        }

        if (policy is { Missing.Count: > 0 })
        {
            Console.Error.WriteLine($"cloister: {policy.File} refuses everything until these rules are stated in it: {string.Join(", ", policy.Missing)}");
        }
    }

    private static JsonObject Document(Tee tee, byte[] firmware, LaunchImage image, IReadOnlyList<LaunchValue> values, PolicyOutcome? policy)
    {
        using IncrementalHash initrd = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ReadOnlyMemory<byte> part in image.Ramdisks)
        {
            initrd.AppendData(part.Span);
        }

        JsonObject inputs = new()
        {
            ["kernel"] = Convert.ToHexStringLower(SHA256.HashData(image.Kernel.Span)), ["initrd"] = Convert.ToHexStringLower(initrd.GetHashAndReset()), ["commandLine"] = image.CommandLine,
        };
        if (tee != Tee.Nitro)
        {
            inputs["firmware"] = Convert.ToHexStringLower(SHA256.HashData(firmware));
        }

        return new JsonObject
        {
            ["tee"] = tee.ToString().ToLowerInvariant(),
            ["sha256"] = inputs,
            ["values"] = new JsonObject(values.Where(value => value.Value is not null).Select(value => KeyValuePair.Create(value.Name, (JsonNode?)value.Value))),
            ["notComputed"] = new JsonObject(values.Where(value => value.Value is null).Select(value => KeyValuePair.Create(value.Name, (JsonNode?)value.Note))),
            ["policy"] = policy is null ? null : new JsonObject
            {
                ["file"] = policy.File,
                ["missing"] = new JsonArray([.. policy.Missing.Select(rule => (JsonNode)rule)]),
            },
        };
    }
}
