using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cloister.Cli.Administration;

/// <summary>A context file: <c>{"broker","pin","certificate","key"}</c>; paths are relative to the file. secrets: none; it names the key's file.</summary>
internal sealed record BrokerContext(string? Broker, string? Pin, string? Certificate, string? Key)
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="CliException">It is none.</exception>
    internal static BrokerContext Read(string path)
    {
        try
        {
            BrokerContext context = JsonSerializer.Deserialize(File.ReadAllText(path), BrokerContextJson.Default.BrokerContext) ?? throw new JsonException();
            string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            return context with
            {
                Certificate = context.Certificate is { } certificate ? Path.Combine(folder, certificate) : null,
                Key = context.Key is { } key ? Path.Combine(folder, key) : null,
            };
        }
        catch (JsonException)
        {
            throw new CliException($"'{path}' is no context: JSON with broker, pin, certificate and key is expected");
        }
    }
}

/// <summary>Reads contexts.</summary>
[JsonSerializable(typeof(BrokerContext))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
internal sealed partial class BrokerContextJson : JsonSerializerContext;
