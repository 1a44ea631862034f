using System.Text.Json.Nodes;

namespace Cloister.Cli.Tests.Harness;

/// <summary>Files for the broker of a <c>cloister dev --custody attested</c>.</summary>
internal static class BrokerFiles
{
    /// <summary>Writes a context file for its administrator.</summary>
    internal static async Task<string> ContextAsync(DevEnclave dev, ScratchFolder folder)
    {
        JsonNode broker = dev.Ready["broker"]!;
        string file = folder["broker.json"];
        await File.WriteAllTextAsync(file, new JsonObject
        {
            ["broker"] = (string)broker["admin"]!, ["pin"] = (string)broker["pin"]!, ["certificate"] = (string)broker["certificate"]!, ["key"] = (string)broker["key"]!,
        }.ToJsonString());
        return file;
    }
}
