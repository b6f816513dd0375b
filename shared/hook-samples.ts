/**
 * What Claude Code 2.1.329 sent for each event when it was recorded, to try hooks with. Made up by its own schema, as
 * it was not seen: PermissionDenied, Setup, TeammateIdle, Elicitation, ElicitationResult, FileChanged, DirectoryAdded, WorktreeRemove.
 */
import type { HookEventName } from './hook-rules';

export const hookSamples: Readonly<Record<HookEventName, Readonly<Record<string, unknown>>>> = {
  PreToolUse: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: '266975b3-921f-4edd-b718-64157fe52ecf',
    permission_mode: 'default',
    effort: {
      level: 'medium',
    },
    hook_event_name: 'PreToolUse',
    tool_name: 'Bash',
    tool_input: {
      command: 'echo hello-from-bash; sleep 1; echo done',
      description: 'Say hello',
    },
    tool_use_id: 'toolu_fake_d039151581cc6298_2',
  },
  PermissionRequest: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: '266975b3-921f-4edd-b718-64157fe52ecf',
    permission_mode: 'default',
    effort: {
      level: 'medium',
    },
    hook_event_name: 'PermissionRequest',
    tool_name: 'Bash',
    tool_input: {
      command: 'echo oops >&2; exit 3',
      description: 'Fail on purpose',
    },
    permission_suggestions: [
      {
        type: 'addRules',
        rules: [
          {
            toolName: 'Bash',
            ruleContent: 'exit 3',
          },
        ],
        behavior: 'allow',
        destination: 'localSettings',
      },
    ],
  },
  PostToolUse: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: '266975b3-921f-4edd-b718-64157fe52ecf',
    permission_mode: 'default',
    effort: {
      level: 'medium',
    },
    hook_event_name: 'PostToolUse',
    tool_name: 'Bash',
    tool_input: {
      command: 'echo hello-from-bash; sleep 1; echo done',
      description: 'Say hello',
    },
    tool_response: {
      stdout: 'hello-from-bash\ndone',
      stderr: '',
      interrupted: false,
      isImage: false,
      noOutputExpected: false,
    },
    tool_use_id: 'toolu_fake_d039151581cc6298_2',
    duration_ms: 1086,
  },
  PostToolUseFailure: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: '266975b3-921f-4edd-b718-64157fe52ecf',
    permission_mode: 'default',
    effort: {
      level: 'medium',
    },
    hook_event_name: 'PostToolUseFailure',
    tool_name: 'Bash',
    tool_input: {
      command: 'echo oops >&2; exit 3',
      description: 'Fail on purpose',
    },
    tool_use_id: 'toolu_fake_ea40eb0b5c70f223_1',
    error: 'Exit code 3\noops',
    is_interrupt: false,
    duration_ms: 69,
  },
  PostToolBatch: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: '266975b3-921f-4edd-b718-64157fe52ecf',
    permission_mode: 'default',
    effort: {
      level: 'medium',
    },
    hook_event_name: 'PostToolBatch',
    tool_calls: [
      {
        tool_name: 'Bash',
        tool_input: {
          command: 'echo hello-from-bash; sleep 1; echo done',
          description: 'Say hello',
        },
        tool_use_id: 'toolu_fake_d039151581cc6298_2',
        tool_response: 'hello-from-bash\ndone',
      },
    ],
  },
  PermissionDenied: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    hook_event_name: 'PermissionDenied',
    tool_name: 'Bash',
    tool_input: {
      command: 'rm -rf /',
    },
    reason: 'The classifier refused it.',
  },
  UserPromptSubmit: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: '266975b3-921f-4edd-b718-64157fe52ecf',
    permission_mode: 'default',
    hook_event_name: 'UserPromptSubmit',
    prompt: 'tools all',
  },
  UserPromptExpansion: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: 'a6867d57-6eab-47df-9a3d-1775d23c17c6',
    permission_mode: 'default',
    hook_event_name: 'UserPromptExpansion',
    expansion_type: 'slash_command',
    command_name: 'demo',
    command_args: 'hello',
    command_source: 'projectSettings',
    prompt: '/demo hello',
  },
  SessionStart: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo/sub',
    prompt_id: 'a02c13eb-7b10-4018-a5fc-f09519796571',
    hook_event_name: 'SessionStart',
    source: 'compact',
    model: 'claude-opus-5-5',
  },
  SessionEnd: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo/sub',
    prompt_id: '7e7118d4-2040-4a31-81c1-a32dc5e76184',
    hook_event_name: 'SessionEnd',
    reason: 'prompt_input_exit',
  },
  Setup: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    hook_event_name: 'Setup',
    trigger: 'init',
  },
  Stop: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: '266975b3-921f-4edd-b718-64157fe52ecf',
    permission_mode: 'default',
    effort: {
      level: 'medium',
    },
    hook_event_name: 'Stop',
    stop_hook_active: false,
    last_assistant_message: 'Finished with **tools**.\n\n- one\n- two',
    background_tasks: [],
    session_crons: [],
  },
  StopFailure: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo/sub',
    prompt_id: '8383a968-d29c-4010-a405-e519cf105b15',
    effort: {
      level: 'medium',
    },
    hook_event_name: 'StopFailure',
    error: 'authentication_failed',
    last_assistant_message: 'Not logged in \u00b7 Please run /login',
  },
  SubagentStart: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: '5547ffba-2926-44e3-83b5-b7bf6ed84f1c',
    agent_id: 'adcd922a7af26bf47',
    agent_type: 'general-purpose',
    hook_event_name: 'SubagentStart',
  },
  SubagentStop: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: '5547ffba-2926-44e3-83b5-b7bf6ed84f1c',
    permission_mode: 'default',
    agent_id: 'adcd922a7af26bf47',
    agent_type: 'general-purpose',
    effort: {
      level: 'medium',
    },
    hook_event_name: 'SubagentStop',
    stop_hook_active: false,
    agent_transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555/subagents/agent-adcd922a7af26bf47.jsonl',
    last_assistant_message: 'Sub report: all fine.',
    background_tasks: [
      {
        id: 'adcd922a7af26bf47',
        type: 'subagent',
        status: 'running',
        description: 'Look around',
        agent_type: 'general-purpose',
      },
    ],
    session_crons: [],
  },
  Notification: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: '993aafd4-9a25-458a-b2fb-c6fa7ee75743',
    hook_event_name: 'Notification',
    message: 'Claude needs your permission',
    notification_type: 'permission_prompt',
  },
  PreCompact: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo/sub',
    prompt_id: 'a02c13eb-7b10-4018-a5fc-f09519796571',
    hook_event_name: 'PreCompact',
    trigger: 'manual',
    custom_instructions: null,
  },
  PostCompact: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo/sub',
    prompt_id: 'a02c13eb-7b10-4018-a5fc-f09519796571',
    hook_event_name: 'PostCompact',
    trigger: 'manual',
    compact_summary: '<analysis>scripted</analysis>\n<summary>Scripted summary.</summary>',
  },
  PreModelSwitch: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: '0d70edbd-1100-4c37-a694-22aa95cfb8a8',
    hook_event_name: 'PreModelSwitch',
    from_model: 'claude-opus-5-5',
    to_model: 'claude-sonnet-5-5',
    requested_model: 'sonnet',
    source: 'command',
    context_tokens: 4233,
    prompt_cache_warm: true,
    cache_ttl: '5m',
    estimated_cache_write_usd: 0.0106,
    pricing: 'catalog',
  },
  PostModelSwitch: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: '0d70edbd-1100-4c37-a694-22aa95cfb8a8',
    hook_event_name: 'PostModelSwitch',
    from_model: 'claude-opus-5-5',
    to_model: 'claude-sonnet-5-5',
    requested_model: 'sonnet',
    source: 'command',
    context_tokens: 4233,
    prompt_cache_warm: true,
    cache_ttl: '5m',
    estimated_cache_write_usd: 0.0106,
    pricing: 'catalog',
  },
  TaskCreated: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: 'abcbe569-2c35-4a75-996f-02d8b1fc676c',
    hook_event_name: 'TaskCreated',
    task_id: '1',
    task_subject: 'Write code',
    task_description: 'Write the code',
  },
  TaskCompleted: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    prompt_id: 'abcbe569-2c35-4a75-996f-02d8b1fc676c',
    hook_event_name: 'TaskCompleted',
    task_id: '1',
    task_subject: 'Write code',
    task_description: 'Write the code',
  },
  TeammateIdle: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    hook_event_name: 'TeammateIdle',
    teammate_name: 'helper',
  },
  Elicitation: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    hook_event_name: 'Elicitation',
    mcp_server_name: 'tracker',
    message: 'Which project?',
  },
  ElicitationResult: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    hook_event_name: 'ElicitationResult',
    mcp_server_name: 'tracker',
    action: 'accept',
  },
  ConfigChange: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo/sub',
    prompt_id: '8383a968-d29c-4010-a405-e519cf105b15',
    hook_event_name: 'ConfigChange',
    source: 'user_settings',
    file_path: '/home/claude/.claude/settings.json',
  },
  InstructionsLoaded: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    hook_event_name: 'InstructionsLoaded',
    file_path: '/workspace/demo/CLAUDE.md',
    memory_type: 'Project',
    load_reason: 'session_start',
  },
  CwdChanged: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo/sub',
    prompt_id: '1afe8aa2-fd88-4e96-8f24-1a18da90edb5',
    hook_event_name: 'CwdChanged',
    old_cwd: '/workspace/demo',
    new_cwd: '/workspace/demo/sub',
  },
  FileChanged: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    hook_event_name: 'FileChanged',
    file_path: '/workspace/demo/notes.txt',
  },
  DirectoryAdded: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    hook_event_name: 'DirectoryAdded',
    directory: '/workspace/other',
  },
  WorktreeRemove: {
    session_id: '33333333-2222-4333-8444-555555555555',
    transcript_path:
      '/home/claude/.claude/projects/-workspace-demo/33333333-2222-4333-8444-555555555555.jsonl',
    cwd: '/workspace/demo',
    hook_event_name: 'WorktreeRemove',
    worktree_path: '/workspace/tree',
  },
};
