using System.CommandLine;
using System.Text.Json.Nodes;
using Cloister.Cli.Config;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Output;

namespace Cloister.Cli.Init;

/// <summary><c>cloister init</c>: the files of a cluster from one file of values. Each is judged by the program that reads it before any is there; nothing is written over.</summary>
internal static class InitCommand
{
    internal static Command Create() => new("init", "Write the files of a cluster from one file of values, with the commands that follow in NEXT.md. Writes over nothing.")
    {
        Role("node", "The enclave's configuration, the three phases of EncryptionConfiguration, for every control-plane node, and the policies that name this configuration's digest, for the broker.", values =>
        [
            ("enclave.yaml", InitFiles.Enclave(values)), .. InitFiles.Encryption(values), ("prometheus.yaml", InitFiles.Prometheus(values)), .. InitFiles.Policies(values), ("NEXT.md", NextSteps.Node(values)),
        ]),
        Role("broker", "The broker's configuration, and the policy that accepts the enclave.", values =>
        {
            string broker = InitFiles.Broker(values) ?? throw new CliException("the values have no section brokerConfiguration: it is the broker's configuration without apiVersion and kind (docs/broker.md)");
            (string Name, string Text)[] policies = [.. InitFiles.Policies(values)];
            return [("broker.yaml", broker), .. policies, ("enclave.yaml", InitFiles.Enclave(values)), ("NEXT.md", NextSteps.Broker(values, policies.Length))];
        }),
        Role("kubeadm", "What kubeadm has to know: flags, mounts, patches; and the three phases of EncryptionConfiguration.", values =>
        [
            ("kubeadm.yaml", InitFiles.Kubeadm(values)), ("patches/kube-apiserver+strategic.yaml", InitFiles.Patch(values)), .. InitFiles.Encryption(values), ("NEXT.md", NextSteps.Kubeadm(values)),
        ]),
    };

    private static Command Role(string name, string description, Func<InitValues, IReadOnlyList<(string Name, string Text)>> files)
    {
        Option<string> values = CliOutput.Path("--values", "the values, kind: InitValues (docs/install.md)");
        Option<string> folder = CliOutput.Path("--out", "folder to make; it must not be there");
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new(name, description) { values, folder, output };
        command.SetAction(async (parsed, cancellation) =>
        {
            string target = Path.GetFullPath(parsed.GetValue(folder)!).TrimEnd('/');
            IReadOnlyList<(string Name, string Text)> made = files(InitValues.Read(parsed.GetValue(values)!));
            IReadOnlyList<string> notChecked = await WriteAsync(target, made, cancellation);
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject { ["folder"] = target, ["files"] = new JsonArray([.. made.Select(file => (JsonNode)file.Name)]), ["notChecked"] = new JsonArray([.. notChecked.Select(name => (JsonNode)name)]) });
            }
            else
            {
                Console.Out.WriteLine($"{target}: {string.Join(", ", made.Select(file => file.Name))}; the commands are in NEXT.md");
            }

            if (notChecked.Count > 0)
            {
                Console.Error.WriteLine($"cloister: not checked, since the program that reads it is not on this machine: {string.Join(", ", notChecked)}. 'cloister config validate' does it where it goes");
            }

            return ExitCode.Done;
        });
        return command;
    }

    // Beside it first: what no reader takes never stands under the name. Returns what had no reader here: a machine of the key owner has no enclave, a node no broker.
    private static async Task<IReadOnlyList<string>> WriteAsync(string target, IReadOnlyList<(string Name, string Text)> files, CancellationToken cancellation)
    {
        if (Path.Exists(target))
        {
            throw new CliException($"{target} is there already, nothing was written: --out names a folder to make");
        }

        string beside = Directory.CreateTempSubdirectory($"{Path.GetFileName(target)}.").FullName;
        try
        {
            List<string> errors = [], notChecked = [];
            foreach ((string name, string text) in files)
            {
                string path = Path.Combine(beside, name);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                await File.WriteAllTextAsync(path, text, cancellation);
                if (ConfigValidateCommand.ProgramFor(text) is { } program && ChildProgram.Find(program) is null)
                {
                    notChecked.Add(name);
                }
                else if (ConfigValidateCommand.Reads(text))
                {
                    (_, IReadOnlyList<string> found) = await ConfigValidateCommand.LookAsync(path, text, reload: true, kmsV1: false, cancellation);
                    errors.AddRange(found.Select(error => $"  {name}: {error}"));
                }
            }

            if (errors.Count > 0)
            {
                throw new CliException($"these values make files that their readers refuse; nothing was written:\n{string.Join('\n', errors)}", ExitCode.No);
            }

            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            CopyAll(beside, target, files.Select(file => file.Name));
            return notChecked;
        }
        finally
        {
            Directory.Delete(beside, recursive: true);
        }
    }

    // In one step, also where the temporary folder is on another file system.
    private static void CopyAll(string from, string target, IEnumerable<string> names)
    {
        string partial = $"{target}.partial-{Guid.NewGuid():N}";
        try
        {
            foreach (string name in names)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(partial, name))!);
                File.Copy(Path.Combine(from, name), Path.Combine(partial, name));
            }

            Directory.Move(partial, target);
        }
        catch
        {
            if (Directory.Exists(partial))
            {
                Directory.Delete(partial, recursive: true);
            }

            throw;
        }
    }
}
