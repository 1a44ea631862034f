using Cloister.Yaml;
using YamlDotNet.RepresentationModel;

namespace Cloister.Enclave.Configuration;

/// <summary>
/// One plain YAML document of at most 64 KiB, and the errors found in it so far. secrets: none; a configuration holds no secrets.
/// </summary>
public sealed class ConfigurationDocument
{
    private const int MaxSize = 64 * 1024;

    private readonly List<ConfigurationError> _errors = [];

    private ConfigurationDocument(YamlMappingNode root)
    {
        Root = new ConfigurationMapping(this, "", root);
    }

    /// <summary>The root.</summary>
    public ConfigurationMapping Root { get; }

    /// <summary>Reads a document.</summary>
    /// <exception cref="ConfigurationException">It is not well-formed YAML, or out of bounds.</exception>
    public static ConfigurationDocument Parse(string text)
    {
        try
        {
            return new ConfigurationDocument(PlainYaml.Load(text, MaxSize));
        }
        catch (PlainYamlException e)
        {
            throw new ConfigurationException([new ConfigurationError(e.Line, e.Column, e.Message)]);
        }
    }

    /// <summary>Adds an error at a place.</summary>
    public void Fail(YamlNode at, string message) => _errors.Add(new ConfigurationError(at.Start.Line, at.Start.Column, message));

    /// <summary>Throws if there was any error.</summary>
    /// <exception cref="ConfigurationException">All of them, in the order of the file.</exception>
    public void ThrowIfFailed()
    {
        if (_errors.Count > 0)
        {
            throw new ConfigurationException([.. _errors.OrderBy(error => error.Line).ThenBy(error => error.Column)]);
        }
    }
}
