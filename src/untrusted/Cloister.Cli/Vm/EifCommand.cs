using System.CommandLine;
using System.Reflection;
using System.Text.Json.Nodes;
using Cloister.Cli.Output;
using Cloister.LaunchMeasurement;
using Cloister.LaunchMeasurement.Nitro;

namespace Cloister.Cli.Vm;

/// <summary><c>cloister vm eif</c>: the same image as a file for AWS Nitro Enclaves.</summary>
internal static class EifCommand
{
    internal static Command Create()
    {
        LaunchOptions launch = new();
        Option<string> file = CliOutput.Path("--out", "the new file");
        Option<string> name = new("--name") { Description = "name of the image in its metadata, which are not measured", DefaultValueFactory = _ => "cloister-enclave" };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("eif", "Write an image for AWS Nitro Enclaves and print its PCRs. The same image gives the same bytes; it is not signed, so that PCR8 is zeros.") { file, name, output };
        foreach (Option option in launch.All)
        {
            command.Options.Add(option);
        }

        command.SetAction(parsed =>
        {
            try
            {
                string path = parsed.GetValue(file)!;
                LaunchImage image = launch.Read(parsed);
                byte[] bytes = NitroImage.Write(image, new NitroMetadata(parsed.GetValue(name)!, Version(), "unknown"));
                if (Path.Exists(path))
                {
                    throw new CliException($"{path} is there already: name another file, or take it away");
                }

                using (FileStream stream = new(path, FileMode.CreateNew, FileAccess.Write))
                {
                    stream.Write(bytes);
                }

                Print(path, bytes.Length, LaunchValues.Nitro(image), parsed.GetValue(output));
                return ExitCode.Done;
            }
            catch (LaunchFileException e)
            {
                throw new CliException(e.Message);
            }
        });
        return command;
    }

    private static void Print(string path, int size, IReadOnlyList<LaunchValue> values, OutputFormat output)
    {
        LaunchValue[] computed = [.. values.Where(value => value.Value is not null)];
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(new JsonObject
            {
                ["file"] = path, ["size"] = size, ["values"] = new JsonObject(computed.Select(value => KeyValuePair.Create(value.Name, (JsonNode?)value.Value))),
            });
            return;
        }

        CliOutput.Table(["REGISTER", "VALUE", "COVERS"], computed.Select(value => (IReadOnlyList<string>)[value.Name, value.Value!, value.Note]));
    }

    private static string Version() => typeof(EifCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
}
