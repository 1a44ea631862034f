using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Cloister.Cli.Demo;

/// <summary>Reads JSON answers without reflection.</summary>
[JsonSerializable(typeof(JsonNode))]
internal sealed partial class DemoJson : JsonSerializerContext;
