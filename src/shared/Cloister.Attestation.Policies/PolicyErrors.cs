using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Cloister.Attestation.Policies;

/// <summary>Collects errors while a policy is read.</summary>
internal sealed class PolicyErrors
{
    private readonly List<PolicyError> _errors = [];

    public bool Any => _errors.Count > 0;

    public IReadOnlyList<PolicyError> Sorted => [.. _errors.OrderBy(e => e.Line).ThenBy(e => e.Column)];

    public void Add(YamlNode node, string path, string problem) => Add(node.Start, path, problem);

    public void Add(Mark mark, string path, string problem) => _errors.Add(new PolicyError(mark.Line, mark.Column, path, problem));
}
